//! JSON Schema of the files, for editors: made from the same forms that read them.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::forms::{AttributesForm, MapForm, PoolForm, RuleForm, ScenariosForm, SegmentsForm, ShopLimitsForm};

/// The schemas of `map.yaml` and of a rule.
pub fn schema() -> (Value, Value) {
    let of_map = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<MapForm>();
    let of_rule = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<RuleForm>();
    (of_map.to_value(), of_rule.to_value())
}

/// The schema of `limits.yaml`.
pub fn limits_schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<ShopLimitsForm>().to_value()
}

/// The schema of `attributes.yaml`.
pub fn attributes_schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<AttributesForm>().to_value()
}

/// The schema of `promo/<pool>.yaml`.
pub fn pool_schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<PoolForm>().to_value()
}

/// The schema of a file of scenarios.
pub fn scenario_schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<ScenariosForm>().to_value()
}

/// The schema of `segments.yaml`.
pub fn segments_schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<SegmentsForm>().to_value()
}
