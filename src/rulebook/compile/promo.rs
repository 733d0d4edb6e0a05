//! Steps that take promo codes.

use super::Unit;
use super::wait::LONGEST;
use crate::journey::promo::WhenEmpty;
use crate::journey::spelling::suggest;
use crate::rulebook::forms::PromoForm;

const WHEN_EMPTY: [&str; 3] = ["end", "withhold", "hold"];

/// The pool a step takes a code of, and what happens when it is empty; `None` after a fault.
pub(super) fn compile_promo(form: &PromoForm, unit: &mut Unit<'_>) -> Option<(String, WhenEmpty)> {
    let word = form.when_empty.as_ref().map_or("end", |word| word.value.as_str());
    let mut when_empty = match word {
        "end" => WhenEmpty::End,
        "withhold" => WhenEmpty::Withhold,
        "hold" => WhenEmpty::Hold { at_most: LONGEST },
        other => {
            if let Some(written) = &form.when_empty {
                let help = suggest(other, &WHEN_EMPTY, "words that can stand here");
                unit.fault_help("unknown-word", &written.place, format!("`when_empty` knows no `{other}`"), help);
            }
            WhenEmpty::End
        }
    };
    match (&mut when_empty, &form.at_most) {
        (WhenEmpty::Hold { .. }, None) => {
            let message = "`when_empty: hold` needs `at_most`: how long the run waits for a code";
            unit.fault_help("missing-key", &form.place, message, "write for example `at_most: 2d`");
        }
        (WhenEmpty::Hold { at_most }, Some(span)) => {
            *at_most = span.value.0;
            if span.value.0.is_zero() || span.value.0 > LONGEST {
                let message = format!("a run waits for a code longer than nothing and at most {LONGEST}");
                unit.fault("out-of-range", &span.place, message);
            }
        }
        (_, Some(span)) if word == "end" || word == "withhold" => {
            let message = format!("`at_most` says how long a run waits for a code, and with `{word}` it does not wait");
            unit.fault_help("misplaced-key", &span.place, message, "write `when_empty: hold`, or leave it out");
        }
        _ => {}
    }
    let pool = form.pool.0.as_ref()?;
    super::steps::known(pool, &unit.outline.pools.clone(), "unknown-pool", "promo pool", "pools of this map", unit);
    Some((pool.value.clone(), when_empty))
}
