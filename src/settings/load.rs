//! Reading settings: the file, the environment over it, secrets from their files, then what must hold together.
//!
//! Every fault is found in one run, each with file, line, column, the line and help. A part that is wrong is left out and
//! reading goes on, so that one slip doesn't hide the next. Values of secrets are in no message.
//! Not here: what the settings are (one file a section beside this one), and the commented file (`reference`).

pub mod env;
mod fault;
mod file;
mod order;
mod schema;
mod secrets;
mod tree;
mod validate;

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Settings;
use crate::journey::book::Shop;

pub use fault::{Fault, Faults};
pub use schema::{Kind, Node, Schema};

use fault::Collector;
use tree::Tree;

/// Settings that were read and checked.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The folder that holds `config/`; relative paths of the settings begin here.
    pub root: PathBuf,
    /// The file they were read from.
    pub file: PathBuf,
}

impl Loaded {
    /// Reads a file and lays `MILEPOST__…` variables over it.
    pub fn read(file: &Path, variables: &[(String, String)]) -> Result<Self, Faults> {
        let schema = Schema::of_settings();
        let root = root_of(file);
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                let mut faults = Collector::new(file, "", &schema);
                let help = "`milepost init` writes a commented one; `--config` names another place".to_owned();
                faults.add(None, format!("the settings can't be read: {error}"), Some(help));
                return faults.finish(Self { settings: Settings::default(), root, file: file.to_owned() });
            }
        };
        let mut faults = Collector::new(file, &text, &schema);
        let mut tree = file::read(&text, &schema, &mut faults);
        env::overlay(&mut tree, variables, &schema, &mut faults);
        secrets::resolve(&mut tree, &root, &schema, &mut faults);
        let mut settings = build(&mut tree, &mut faults);
        settings.mail.returns.maildir = settings.mail.returns.maildir.map(|folder| root.join(folder));
        validate::all(&settings, &tree, &mut faults);
        faults.finish(Self { settings, root, file: file.to_owned() })
    }

    /// The folder of maps, rules and letters.
    pub fn rules_dir(&self) -> PathBuf {
        self.root.join(&self.settings.rules.folder)
    }

    /// The address of the database; the path of an SQLite file made relative to the working folder.
    pub fn database_url(&self) -> SecretString {
        let url = self.settings.database.url.expose_secret();
        let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.starts_with(':')) else {
            return self.settings.database.url.clone();
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        SecretString::from(format!("sqlite:{}", self.root.join(path).display()))
    }

    /// The shop, as decisions see it.
    pub fn shop(&self) -> Shop {
        self.settings.shop_facts()
    }
}

/// The folder that holds `config/`, or the file's own folder when that has another name.
fn root_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new(""));
    let root = if folder.ends_with("config") { folder.parent().unwrap_or(Path::new("")) } else { folder };
    if root.as_os_str().is_empty() { PathBuf::from(".") } else { root.to_owned() }
}

/// Values to settings. What a type refuses is noted, left out, and the rest tried again.
fn build(tree: &mut Tree, faults: &mut Collector<'_>) -> Settings {
    loop {
        let value = Value::Object(tree.value.clone());
        let error = match serde_path_to_error::deserialize::<_, Settings>(value) {
            Ok(settings) => return settings,
            Err(error) => error,
        };
        let path = error.path().to_string();
        let message = if path == "." { error.inner().to_string() } else { format!("`{path}`: {}", error.inner()) };
        faults.add(tree.place(&path), message, None);
        if !tree.remove(&path) {
            return Settings::default();
        }
    }
}
