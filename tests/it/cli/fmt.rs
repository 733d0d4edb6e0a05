//! `fmt` on files, on standard input, and as a check.

use std::fs;

use super::{milepost, started, text};

#[test]
fn files_are_brought_into_form_once() {
    let folder = started();
    let file = folder.path().join("rules/pet-shop/welcome.yaml");
    let before = fs::read_to_string(&file).expect("read");
    milepost(folder.path()).arg("fmt").assert().success();
    milepost(folder.path()).args(["fmt", "--check"]).assert().success();
    milepost(folder.path()).arg("check").assert().success();
    fs::write(&file, before.replace("  - send: welcome\n", "  -   send:   'welcome'   # hi\n")).expect("written");
    let run = milepost(folder.path()).args(["fmt", "--check"]).assert().code(1);
    assert_eq!(text(&run.get_output().stdout), "./rules/pet-shop/welcome.yaml\n");
    assert!(text(&run.get_output().stderr).contains("files not in form"));
    milepost(folder.path()).args(["fmt", "rules/pet-shop/welcome.yaml"]).assert().success();
    let after = fs::read_to_string(&file).expect("read");
    assert!(after.contains("  - send: welcome") && after.contains("# hi\n"), "{after}");
}

#[test]
fn an_editor_formats_what_it_holds() {
    let folder = started();
    let format = |text: &str| milepost(folder.path()).args(["fmt", "--stdin"]).write_stdin(text).assert();
    let run = format("a:   'b' # c\n").success();
    assert_eq!(text(&run.get_output().stdout), "a: b     # c\n");
    let run = format("a: [\n").code(1);
    let said = text(&run.get_output().stderr);
    assert!(said.contains("error[yaml]") && said.contains("<stdin>:"), "{said}");
    assert!(run.get_output().stdout.is_empty());
}
