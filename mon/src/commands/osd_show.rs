pub const COMMANDS: &[super::table::Spec] = &[];
