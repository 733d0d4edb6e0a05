//! A whole rulebook from its files: everything is read, then everything is compiled against everything else.
//!
//! Invariants: every file is looked at whatever faults the others have; a book comes out only if there is no error; the same
//! bytes give the same book, the same hash and the same diagnostics in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::{
    USUAL, Written, check_conditions, check_events, check_exits, check_life, check_map, check_often, check_promo,
    check_purposes, check_ranking, check_rule, check_sends,
};
use super::compile::{
    Outline, Unit, World, compile_map, compile_rule, compile_scenario, compile_segments, compile_shop_limits, own_name,
};
use super::diagnostic::{Diagnostic, Severity};
use super::forms::{AttributesForm, LimitsList, MapForm, RuleForm, ScenariosForm, SegmentsForm, ShopLimitsForm};
use super::letters::build;
use super::pools::Pool;
use super::read::Reader;
use super::scenario::Scenarios;
use super::source::Source;
use super::tree::{Files, MapTree, Tree, hash, read_folder, sort};
use super::{Book, Loaded, attributes, pools, yaml};
use crate::journey::attention::Attention;
use crate::journey::book::{Rulebook, Shop};
use crate::journey::condition::Condition;
use crate::journey::map::JourneyMap;
use crate::journey::reads::TRACKING;
use crate::journey::rule::TRANSACTIONAL;
use crate::journey::segment::Segment;

/// Most faults of one file that are reported; a file with more is not mended fault by fault.
const MAX_FAULTS: usize = 200;

/// Loads the rulebook of a folder.
pub fn load(dir: &Path, shop: Shop) -> Loaded {
    let mut faults = Vec::new();
    let files = read_folder(dir, &mut faults);
    let mut loaded = compile(&files, shop, faults);
    if loaded.book.take_if(|book| book.rulebook.maps.is_empty()).is_some() {
        // Putting it in force would end every run and take everybody off every map: nobody means that by a wrong folder.
        let message = format!("there is no map in {}", dir.display());
        let fault = Diagnostic::of_file(Severity::Error, "no-map", PathBuf::from("."), message);
        loaded
            .diagnostics
            .push(fault.help("a map is a folder with a `map.yaml`; `milepost init` writes one to begin with"));
    }
    loaded
}

/// Loads a rulebook from the bytes of its files. Files whose place means nothing are left alone.
pub fn load_files(files: &Files, shop: Shop) -> Loaded {
    compile(files, shop, Vec::new())
}

fn compile(files: &Files, shop: Shop, mut faults: Vec<Diagnostic>) -> Loaded {
    let tree = sort(files, &mut faults);
    let forms = read_forms(&tree, &mut faults);
    let (pools, world) = gather(&tree, &forms, &shop, &mut faults);
    let (world, segments) = with_segments(world, &tree, &forms, &shop, &mut faults);
    let (letters, letter_facts) = build(&tree, &world.scope(true), &shop, &mut faults);
    let world = with_letters(world, &letter_facts);
    let scenarios = scenarios(&tree, &world, &shop);
    let mut compiler = Compiler { world: &world, shop: &shop, faults: &mut faults };
    let attention = compiler.shop_limits(&forms);
    let (maps, empty) = compiler.maps(&forms);
    let all_rules_read = forms.rules.len() == tree.maps.values().map(|map| map.rules.len()).sum::<usize>();
    let rules = compiler.rules(forms.rules);
    let of_maps =
        forms.maps.iter().filter_map(|(id, (source, form))| Some((*source, form.limits.as_ref()?, Some(*id))));
    let of_shop = forms.limits.iter().filter_map(|(source, form)| Some((*source, form.limits.as_ref()?, None)));
    let caps: Vec<(&Source, &LimitsList, Option<&str>)> = of_shop.chain(of_maps).collect();
    for written in &rules {
        let none = BTreeSet::new();
        let map = maps.get(&written.rule.map);
        check_rule(written, map, empty.get(&written.rule.map).unwrap_or(&none), &mut faults);
        check_conditions(written, map, &shop, &mut faults);
        check_life(written, &mut faults);
        check_exits(written, &mut faults);
        if let Some(letters) = letter_facts.get(&written.rule.map) {
            check_promo(written, letters, &mut faults);
        }
    }
    check_events(&rules, &letter_facts, &mut faults);
    let asked = rules.iter().filter_map(|written| written.rule.when.as_ref());
    let asked =
        asked.chain(maps.values().flat_map(JourneyMap::conditions)).chain(segments.iter().map(|s| &s.condition));
    check_purposes(&rules, &scenarios.list, asked, &shop, &mut faults);
    check_often(&rules, &attention, &maps, most_a_day(forms.limits.as_ref(), &mut faults), &mut faults);
    for (source, limits, map) in &caps {
        check_ranking(&rules, (source, limits.0.as_slice()), *map, &mut faults);
    }
    let all_rules_compiled = all_rules_read && !faults.iter().any(|fault| fault.severity == Severity::Error);
    check_sends(&rules, &letter_facts, all_rules_compiled, &mut faults);
    let rules = rules.into_iter().map(|written| (written.rule.id.clone(), written.rule)).collect();
    let code_letters = letter_facts
        .iter()
        .flat_map(|(map, letters)| letters.iter().map(move |(letter, facts)| (map, letter, facts)))
        .filter(|(_, _, facts)| facts.reads("promo"))
        .map(|(map, letter, _)| (map.clone(), letter.clone()))
        .collect();
    let (codes, pools) = pools.into_iter().map(|(name, pool)| ((name.clone(), pool.codes), (name, pool.rules))).unzip();
    let segments = segments.into_iter().map(|segment| (segment.key(), segment)).collect();
    let rulebook = Rulebook {
        hash: hash(files, &shop),
        shop,
        attention,
        maps,
        rules,
        pools,
        code_letters,
        segments,
        ..Rulebook::default()
    };
    let refused = !sound(&faults);
    let book = Some(Book { rulebook, letters, pools: codes, files: Arc::new(files.clone()), ..Book::default() })
        .filter(|_| !refused);
    Loaded { book, diagnostics: in_order(faults), scenarios }
}

/// Letters a day above which rules are warned of.
fn most_a_day(limits: Option<&(&Source, ShopLimitsForm)>, faults: &mut Vec<Diagnostic>) -> usize {
    let Some((source, most)) = limits.and_then(|(source, form)| Some((source, form.max_letters_per_day.as_ref()?)))
    else {
        return USUAL;
    };
    match usize::try_from(most.value) {
        Ok(number) if number > 0 => number,
        _ => {
            faults.push(source.error("out-of-range", &most.place, "at least one letter a day"));
            USUAL
        }
    }
}

/// The scenarios of all maps. Their faults stand apart: a broken test does not stop the shop.
fn scenarios(tree: &Tree, world: &World, shop: &Shop) -> Scenarios {
    let mut faults = tree.scenario_faults.clone();
    let mut list = Vec::new();
    for (map, files) in &tree.maps {
        let Some(outline) = world.maps.get(map) else { continue };
        let mut names = BTreeMap::new();
        for source in &files.scenarios {
            let mut found = Vec::new();
            let forms = read(source, &mut found).map(|ScenariosForm(forms)| forms).unwrap_or_default();
            let readable = sound(&found);
            faults.append(&mut found);
            for form in &forms {
                let mut unit = Unit {
                    source,
                    faults: &mut found,
                    world,
                    outline,
                    shop,
                    map,
                    rule: None,
                    by_time: false,
                    goal_within: None,
                    capture: Vec::new(),
                };
                own_name(form, &mut names, &mut unit);
                let scenario = compile_scenario(form, &mut unit);
                // One with a fault would fail, or pass, for a reason that is not the rules'.
                list.extend(scenario.filter(|_| readable && sound(&found)));
                faults.append(&mut found);
            }
        }
    }
    Scenarios { list, diagnostics: in_order(faults) }
}

fn sound(faults: &[Diagnostic]) -> bool {
    faults.iter().all(|fault| fault.severity == Severity::Warning)
}

fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    limit(&mut diagnostics);
    diagnostics.sort_by(|a, b| (&a.file, a.line, a.column, a.code).cmp(&(&b.file, b.line, b.column, b.code)));
    diagnostics.dedup();
    diagnostics
}

/// Leaves out what is too much of each file, errors last, and says so.
fn limit(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by_key(|fault| (fault.severity, fault.line, fault.column));
    let mut counts: BTreeMap<PathBuf, usize> = BTreeMap::new();
    diagnostics.retain(|fault| {
        let count = counts.entry(fault.file.clone()).or_default();
        *count += 1;
        *count <= MAX_FAULTS
    });
    for (file, count) in counts.into_iter().filter(|(_, count)| *count > MAX_FAULTS) {
        let message = format!("{} more faults of this file are not shown", count - MAX_FAULTS);
        diagnostics.push(Diagnostic::of_file(Severity::Warning, "too-many-faults", file, message));
    }
}

/// The forms of all files that could be read.
struct Forms<'t> {
    attributes: Option<(&'t Source, AttributesForm)>,
    limits: Option<(&'t Source, ShopLimitsForm)>,
    maps: BTreeMap<&'t str, (&'t Source, MapForm)>,
    segments: BTreeMap<&'t str, (&'t Source, SegmentsForm)>,
    rules: Vec<(&'t str, &'t Source, RuleForm)>,
}

fn read_forms<'t>(tree: &'t Tree, faults: &mut Vec<Diagnostic>) -> Forms<'t> {
    let (maps, segments) = (BTreeMap::new(), BTreeMap::new());
    let mut forms = Forms { attributes: None, limits: None, maps, segments, rules: Vec::new() };
    forms.attributes = tree.attributes.as_ref().and_then(|source| Some((source, read_or_empty(source, faults)?)));
    forms.limits = tree.limits.as_ref().and_then(|source| Some((source, read(source, faults)?)));
    for (id, map) in &tree.maps {
        check_folder(id, map, faults);
        if let Some(source) = &map.map
            && let Some(form) = read(source, faults)
        {
            forms.maps.insert(id, (source, form));
        }
        if let Some(source) = &map.segments
            && let Some(form) = read_or_empty(source, faults)
        {
            forms.segments.insert(id, (source, form));
        }
        for source in &map.rules {
            if let Some(form) = read(source, faults) {
                forms.rules.push((id, source, form));
            }
        }
    }
    forms
}

fn read_or_empty<T: super::read::Read>(source: &Source, faults: &mut Vec<Diagnostic>) -> Option<T> {
    // Comments alone are a fine beginning of such a file.
    let mut found = Vec::new();
    let node = yaml::parse(source, &mut found);
    faults.extend(found.into_iter().filter(|fault| fault.code != "empty-file"));
    T::read(&node?, &mut Reader { source, faults })
}

fn read<T: super::read::Read>(source: &Source, faults: &mut Vec<Diagnostic>) -> Option<T> {
    let node = yaml::parse(source, faults)?;
    T::read(&node, &mut Reader { source, faults })
}

fn check_folder(id: &str, map: &MapTree, faults: &mut Vec<Diagnostic>) {
    let folder = PathBuf::from(id);
    if !map.has_map {
        let place = folder.join("map.yaml");
        let fault = Diagnostic::of_file(Severity::Error, "no-map", place, format!("the folder `{id}` has no map.yaml"));
        faults.push(fault.help("every folder but `shared` is a journey map: describe its stages in map.yaml"));
    } else if !super::is_id(id) {
        let message = format!("`{id}` cannot be an identifier of a map");
        let fault = Diagnostic::of_file(Severity::Error, "bad-id", folder, message);
        faults.push(fault.help("rename the folder: lower-case letters, digits, `-` and `_`"));
    }
}

fn gather(
    tree: &Tree,
    forms: &Forms<'_>,
    shop: &Shop,
    faults: &mut Vec<Diagnostic>,
) -> (BTreeMap<String, Pool>, World) {
    let sources = tree.maps.iter().flat_map(|(id, map)| map.pools.iter().map(move |source| (id.as_str(), source)));
    let pools = pools::read_all(sources, faults);
    let mut world = World {
        attributes: forms
            .attributes
            .as_ref()
            .map(|(source, form)| attributes::declared(form, source, faults))
            .unwrap_or_default(),
        ..World::default()
    };
    world.purposes.extend(["marketing", TRANSACTIONAL, TRACKING].map(str::to_owned));
    world.purposes.extend(shop.assumed_purposes.iter().cloned());
    world.purposes.extend(forms.rules.iter().filter_map(|(_, _, rule)| Some(rule.purpose.as_ref()?.value.clone())));
    let all_rules_read = forms.rules.len() == tree.maps.values().map(|map| map.rules.len()).sum::<usize>();
    let rules = forms.rules.iter().filter_map(|(_, _, rule)| Some((rule.rule.0.as_ref()?.value.clone(), rule.arms())));
    world.rules = all_rules_read.then(|| rules.collect());
    for (id, map) in &tree.maps {
        let stages = forms.maps.get(id.as_str()).and_then(|(_, form)| form.stages.0.as_ref());
        let ids = stages
            .map(|stages| stages.value.iter().filter_map(|stage| Some(stage.id.0.as_ref()?.value.clone())).collect());
        // A pool with faults is still there; only a name that cannot be is not.
        let pools = map.pools.iter().map(pools::name).collect();
        world.maps.insert(id.clone(), Outline { stages: ids, pools, ..Outline::default() });
    }
    (pools, world)
}

/// The world with every map's segments, which the conditions of its other files may name.
fn with_segments(
    mut world: World,
    tree: &Tree,
    forms: &Forms<'_>,
    shop: &Shop,
    faults: &mut Vec<Diagnostic>,
) -> (World, Vec<Segment>) {
    let mut all = Vec::new();
    let mut known: BTreeMap<String, BTreeMap<String, Condition>> = BTreeMap::new();
    for (id, (source, form)) in &forms.segments {
        let Some(outline) = world.maps.get(*id) else { continue };
        let unit = &mut Unit {
            source,
            faults,
            world: &world,
            outline,
            shop,
            map: id,
            rule: None,
            by_time: false,
            goal_within: None,
            capture: Vec::new(),
        };
        let (segments, names) = compile_segments(form, unit);
        all.extend(segments);
        known.insert((*id).to_owned(), names);
    }
    for (id, outline) in &mut world.maps {
        let written = tree.maps.get(id).is_some_and(|map| map.has_segments);
        outline.segments = known.remove(id).or_else(|| (!written).then(BTreeMap::new));
    }
    (world, all)
}

fn with_letters(
    mut world: World,
    facts: &BTreeMap<String, BTreeMap<String, super::letters::LetterFacts<'_>>>,
) -> World {
    for (map, letters) in facts {
        world.maps.entry(map.clone()).or_default().letters = letters.keys().cloned().collect();
    }
    world
}

struct Compiler<'a> {
    world: &'a World,
    shop: &'a Shop,
    faults: &'a mut Vec<Diagnostic>,
}

impl Compiler<'_> {
    fn unit<'u>(&'u mut self, source: &'u Source, map: &'u str, outline: &'u Outline) -> Unit<'u> {
        Unit {
            source,
            faults: self.faults,
            world: self.world,
            outline,
            shop: self.shop,
            map,
            rule: None,
            by_time: false,
            goal_within: None,
            capture: Vec::new(),
        }
    }

    /// Limits and the holdout of the whole shop.
    fn shop_limits(&mut self, forms: &Forms<'_>) -> Attention {
        let Some((source, form)) = &forms.limits else { return Attention::default() };
        compile_shop_limits(form, &mut self.unit(source, "", &Outline::default()))
    }

    /// The maps, and of each the stages that nobody reaches.
    fn maps(&mut self, forms: &Forms<'_>) -> (BTreeMap<String, JourneyMap>, BTreeMap<String, BTreeSet<String>>) {
        let mut maps = BTreeMap::new();
        let mut empty = BTreeMap::new();
        let world = self.world;
        for (id, (source, form)) in &forms.maps {
            let Some(outline) = world.maps.get(*id) else { continue };
            if let Some(map) = compile_map(form, &mut self.unit(source, id, outline)) {
                empty.insert((*id).to_owned(), check_map(&map, form, source, self.faults));
                maps.insert((*id).to_owned(), map);
            }
        }
        (maps, empty)
    }

    fn rules<'t>(&mut self, forms: Vec<(&'t str, &'t Source, RuleForm)>) -> Vec<Written<'t>> {
        let mut first: BTreeMap<String, PathBuf> = BTreeMap::new();
        let mut rules = Vec::new();
        let world = self.world;
        for (map, source, form) in forms {
            if let Some(id) = &form.rule.0 {
                if let Some(other) = first.get(&id.value) {
                    let message = format!("the rule `{}` is there already", id.value);
                    let fault = source.error("duplicate-rule", &id.place, message);
                    self.faults.push(
                        fault.help(format!("it is in {} too; rules are known by their ids alone", other.display())),
                    );
                } else {
                    first.insert(id.value.clone(), source.path.clone());
                }
            }
            let Some(outline) = world.maps.get(map) else { continue };
            let mut unit = self.unit(source, map, outline);
            unit.rule = form.rule.0.as_ref().map(|id| id.value.as_str());
            if let Some((rule, steps)) = compile_rule(&form, &mut unit) {
                rules.push(Written { source, form, rule, steps });
            }
        }
        rules
    }
}
