pub const COMMANDS: &[super::table::Spec] = &[];
pub fn dump(_: &crush::CrushMap) -> serde_json::Value { serde_json::Value::Null }
