//! The schema, built into the program: the files of `migrations/`, in their order.

use std::sync::LazyLock;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// One engine's files: number and name as in the file's name. Both engines have the same ones.
macro_rules! files {
    ($engine:literal) => {
        files!($engine: (1, "inbox", "0001_inbox"), (2, "customers", "0002_customers"), (3, "journeys", "0003_journeys"),
            (4, "messages", "0004_messages"), (5, "registers", "0005_registers"), (6, "promo", "0006_promo"),
            (7, "held", "0007_held"), (8, "errands", "0008_errands"), (9, "rulebooks", "0009_rulebooks"),
            (10, "earlier", "0010_earlier"), (11, "pauses", "0011_pauses"), (12, "splits", "0012_splits"),
            (13, "figures", "0013_figures"), (14, "dictionaries", "0014_dictionaries"),
            (15, "refusals", "0015_refusals"), (16, "returns", "0016_returns"),
            (17, "reads", "0017_reads"), (18, "relays", "0018_relays"), (19, "consents", "0019_consents"),
            (20, "lacking", "0020_lacking"))
    };
    ($engine:literal: $(($number:literal, $name:literal, $file:literal)),+) => {
        LazyLock::new(|| {
            Migrator::with_migrations(vec![$(Migration::new(
                $number,
                $name.into(),
                MigrationType::Simple,
                include_str!(concat!("../../migrations/", $engine, "/", $file, ".sql")).into_sql_str(),
                false,
            )),+])
        })
    };
}

pub(super) static SQLITE: LazyLock<Migrator> = files!("sqlite");
pub(super) static POSTGRES: LazyLock<Migrator> = files!("postgres");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_built_in_under_its_name() {
        for (engine, schema) in [("sqlite", &*SQLITE), ("postgres", &*POSTGRES)] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
            let mut files: Vec<String> = std::fs::read_dir(folder)
                .expect("a folder")
                .map(|file| file.expect("a file").file_name().into_string().expect("a plain name"))
                .collect();
            files.sort();
            let built: Vec<String> = schema.iter().map(|m| format!("{:04}_{}.sql", m.version, m.description)).collect();
            assert_eq!(built, files);
        }
    }
}
