//! A rule's file as a rule.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Unit;
use super::ends::{compile_exit, compile_goal, compile_life, compile_reenter};
use super::limits::attention;
use super::steps::flatten;
use super::trigger::compile_trigger;
use crate::journey::event::kind;
use crate::journey::facts::CAPTURABLE;
use crate::journey::rule::{OnChange, Reenter, Rule, TRANSACTIONAL, Trigger, WhenUncertain};
use crate::journey::spelling::{nearest, suggest};
use crate::journey::time::Span;
use crate::rulebook::forms::{ConditionsForm, RuleForm, Text};

const DEFAULT_MAX_AGE: Span = Span::days(1);

/// Compiles a rule; `None` when something it needs is missing or wrong. The place of each step's writing comes with it.
pub(in crate::rulebook) fn compile_rule(form: &RuleForm, unit: &mut Unit<'_>) -> Option<(Rule, Vec<Range<usize>>)> {
    if let Some(id) = &form.rule.0 {
        unit.sound_id(id);
    }
    if let Some(stage) = &form.stage {
        unit.known_stage(stage);
    }
    let trigger = form.on.0.as_ref().and_then(|on| compile_trigger(on, unit));
    // A schedule or a date has no event that a condition could read.
    unit.by_time = matches!(trigger, Some(Trigger::Cron { .. } | Trigger::Date(_)));
    let event = !unit.by_time;
    let when = unit.condition_maybe(form.when.as_ref(), event);
    let exit_when = form.exit_when.iter().flat_map(ConditionsForm::all);
    let exit_when = exit_when.filter_map(|text| unit.condition(text, false)).collect();
    let exit_on = form.exit_on.iter().flatten().filter_map(|exit| compile_exit(exit, unit)).collect();
    let goal = form.goal.as_ref().and_then(|goal| compile_goal(goal, unit));
    let reenter =
        form.reenter.as_ref().map_or(Some(Reenter::Never), |reenter| compile_reenter(reenter, trigger.as_ref(), unit));
    let max_life = form.max_life.as_ref().and_then(|life| compile_life(life, unit));
    let purpose = form.purpose.as_ref().map_or_else(|| "marketing".to_owned(), |purpose| purpose.value.clone());
    if let Some(purpose) = &form.purpose {
        check_purpose(purpose, unit);
    }
    let sender = form.sender.as_ref().map(|sender| unit.known_sender(sender));
    if let Some(age) = form.max_age.as_ref().filter(|age| age.value.0.is_zero()) {
        unit.fault("out-of-range", &age.place, "with a `max_age` of zero every event is too old");
    }
    let when_uncertain = form.when_uncertain.as_ref().and_then(|word| match word.value.as_str() {
        "keep" => Some(WhenUncertain::Keep),
        "resend" => Some(WhenUncertain::Resend),
        other => {
            let help = suggest(other, &["keep", "resend"], "words that can stand here");
            unit.fault_help("unknown-word", &word.place, format!("`when_uncertain` knows no `{other}`"), help);
            None
        }
    });
    let default_uncertain = if purpose == TRANSACTIONAL { WhenUncertain::Resend } else { WhenUncertain::Keep };
    if let Some(group) = &form.group {
        unit.sound_id(group);
    }
    let attention = attention(form.limits.as_ref(), form.holdout.as_ref(), Some(&purpose), unit);
    let on_change = form.on_change.as_ref().map_or(Some(OnChange::Exit), |word| compile_on_change(word, unit));
    let steps = form.steps.0.as_ref()?;
    if steps.value.is_empty() {
        unit.fault_help(
            "empty-steps",
            &steps.place,
            "the rule has no steps, so it does nothing",
            "write at least one step",
        );
    }
    unit.capture = compile_capture(form, unit);
    let still = form.still.as_ref().and_then(|still| unit.still(still, event));
    // What a goal at fault says of its time is reported already.
    unit.goal_within = form.goal.as_ref().map(|_| goal.as_ref().map_or(Span::days(1), |goal| goal.within));
    let (steps, places) = flatten(&steps.value, event, unit);
    let rule = Rule {
        id: form.rule.0.as_ref()?.value.clone(),
        map: unit.map.to_owned(),
        stage: form.stage.as_ref().map(|stage| stage.value.clone()),
        description: form.description.clone(),
        owner: form.owner.clone(),
        tags: form.tags.clone().unwrap_or_default(),
        trigger: trigger?,
        when,
        exit_on,
        exit_when,
        goal,
        reenter: reenter?,
        max_life,
        purpose,
        sender,
        track: form.track,
        priority: form.priority.as_ref().map(|priority| priority.value),
        group: form.group.as_ref().map(|group| group.value.clone()),
        attention,
        max_age: form.max_age.as_ref().map_or(DEFAULT_MAX_AGE, |age| age.value.0),
        capture: std::mem::take(&mut unit.capture),
        still,
        when_uncertain: when_uncertain.unwrap_or(default_uncertain),
        on_change: on_change?,
        steps,
    };
    Some((rule, places))
}

fn compile_on_change(word: &Text, unit: &mut Unit<'_>) -> Option<OnChange> {
    match word.value.as_str() {
        "exit" => Some(OnChange::Exit),
        "finish" => Some(OnChange::Finish),
        other => {
            let help = suggest(other, &["exit", "finish"], "words that can stand here");
            unit.fault_help("unknown-word", &word.place, format!("`on_change` knows no `{other}`"), help);
            None
        }
    }
}

fn compile_capture(form: &RuleForm, unit: &mut Unit<'_>) -> Vec<String> {
    let mut capture: Vec<String> = Vec::new();
    for text in form.capture.iter().flatten() {
        let root = text.value.as_str();
        if !CAPTURABLE.contains(&root) {
            let help = if root == "event" {
                "leave it out: the event that began a run is always kept".to_owned()
            } else {
                suggest(root, &CAPTURABLE, "what can be captured")
            };
            unit.fault_help("unknown-word", &text.place, format!("`{root}` cannot be captured"), help);
        } else if capture.iter().any(|known| known == root) {
            unit.fault("duplicate-key", &text.place, format!("`{root}` is there already"));
        } else {
            capture.push(root.to_owned());
        }
    }
    capture
}

fn check_purpose(purpose: &Text, unit: &mut Unit<'_>) {
    if !unit.sound_id(purpose) {
        return;
    }
    let configured: Vec<&str> =
        ["marketing", TRANSACTIONAL].into_iter().chain(unit.shop.assumed_purposes.iter().map(String::as_str)).collect();
    if configured.contains(&purpose.value.as_str()) {
        return;
    }
    if let Some(meant) = nearest(&purpose.value, configured) {
        let message = format!("nobody ever agreed to the purpose `{}` unless your shop asks for it", purpose.value);
        unit.warn("unknown-purpose", &purpose.place, message, format!("did you mean `{meant}`?"));
    }
}

impl Unit<'_> {
    /// Reports a stage that the rule's map does not have. Silent when the map itself could not be read.
    pub(super) fn known_stage(&mut self, stage: &Text) {
        let Some(stages) = &self.outline.stages else { return };
        if stages.contains(&stage.value) {
            return;
        }
        let known: Vec<&str> = stages.iter().map(String::as_str).collect();
        let help = suggest(&stage.value, &known, "stages of this map");
        let message = format!("the map `{}` has no stage `{}`", self.map, stage.value);
        self.fault_help("unknown-stage", &stage.place, message, help);
    }

    /// Reports a rule that does not exist, and the rule itself where another is wanted.
    pub(super) fn other_rule(&mut self, rule: &Text, itself: &str, help: &str) {
        if self.rule == Some(rule.value.as_str()) {
            self.fault_help("same-rule", &rule.place, format!("this is the rule itself: {itself}"), help);
            return;
        }
        self.known_rule(&rule.value, &rule.place);
    }

    /// Reports a rule that does not exist. The names of its splits' arms; `None` when nothing can be said of it.
    pub(super) fn known_rule(&mut self, rule: &str, place: &Range<usize>) -> Option<&BTreeSet<String>> {
        let rules = self.world.rules.as_ref()?;
        let arms = rules.get(rule);
        if arms.is_none() {
            let known: Vec<&str> = rules.keys().map(String::as_str).collect();
            let help = suggest(rule, &known, "rules");
            self.fault_help("unknown-rule", place, format!("there is no rule `{rule}`"), help);
        }
        arms
    }

    /// Reports a kind of event that cannot be, and warns of one that nothing says.
    pub(super) fn event_kind(&mut self, text: &Text) {
        let name = text.value.as_str();
        if kind::KNOWN.contains(&name) {
            return;
        }
        let sound = name.len() <= 64
            && name.split('.').all(|part| {
                !part.is_empty()
                    && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
            });
        if !sound {
            let help = nearest(name, kind::KNOWN).map_or_else(
                || "kinds are lower-case words with dots between, such as `order.created`".to_owned(),
                |meant| format!("did you mean `{meant}`?"),
            );
            self.fault_help("bad-event", &text.place, format!("`{name}` cannot be a kind of event"), help);
            return;
        }
        let family = name.split('.').next().unwrap_or_default();
        let own_family = kind::KNOWN.iter().any(|known| known.split('.').next() == Some(family));
        match nearest(name, kind::KNOWN) {
            Some(meant) => {
                let message = format!("no connection says `{name}`; only your own calls of the events API could");
                self.warn("unknown-event", &text.place, message, format!("did you mean `{meant}`?"));
            }
            None if own_family => {
                let message = format!("no connection says `{name}`; only your own calls of the events API could");
                self.warn("unknown-event", &text.place, message, suggest(name, &kind::KNOWN, "kinds that are said"));
            }
            None => {}
        }
    }
}
