//! `rules/<map>/promo/<pool>.yaml`: how the codes of a pool are made, how long they are good, and when they are too few.

use crate::journey::promo::{Pattern, PoolRules};
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::forms::PoolForm;
use crate::rulebook::read::{Read as _, Reader};
use crate::rulebook::source::Source;
use crate::rulebook::yaml;

/// Reads what a file says of its pool; its faults are reported. `listed`: the pool has a CSV file, too.
pub(super) fn read(source: &Source, listed: bool, faults: &mut Vec<Diagnostic>) -> PoolRules {
    let Some(node) = yaml::parse(source, faults) else { return PoolRules::default() };
    let Some(form) = PoolForm::read(&node, &mut Reader { source, faults }) else { return PoolRules::default() };
    let pattern = form.pattern.as_ref().and_then(|written| match Pattern::parse(&written.value) {
        Ok(pattern) => Some(pattern),
        Err(message) => {
            let fault = source.error("bad-pattern", &written.place, message);
            faults.push(fault.help("write for example `SPRING-########`: each `#` becomes a letter or digit"));
            None
        }
    });
    if let (Some(written), true) = (&form.pattern, listed) {
        let message = "the pool has a CSV file of codes and a pattern that makes them";
        let fault = source.error("two-sources", &written.place, message);
        faults.push(fault.help("keep one of the two: remove `pattern`, or the CSV file"));
    }
    if let Some(valid) = form.valid.as_ref().filter(|valid| valid.value.0.is_zero()) {
        faults.push(source.error("out-of-range", &valid.place, "with `valid` of no time a code is good for nothing"));
    }
    PoolRules {
        valid: form.valid.map(|valid| valid.value.0),
        low_stock: form.low_stock.map(|number| number.value),
        pattern,
    }
}
