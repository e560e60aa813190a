//! Arguments of one command, as they come in its JSON text.

use crate::commands::Failure;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The command's JSON object: `prefix`, `format` and arguments by name.
#[derive(Debug, Clone, Default)]
pub struct Args {
    values: Map<String, Value>,
}

/// What the caller wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Plain,
    Json,
    JsonPretty,
}

impl Args {
    /// Reads the vector of a MON_COMMAND: one JSON object, possibly in several pieces.
    pub fn parse(pieces: &[String]) -> Option<Self> {
        match serde_json::from_str(&pieces.concat()) {
            Ok(Value::Object(values)) => Some(Self { values }),
            _ => None,
        }
    }

    pub fn prefix(&self) -> &str {
        self.values.get("prefix").and_then(Value::as_str).unwrap_or("")
    }

    pub fn format(&self) -> Format {
        match self.values.get("format").and_then(Value::as_str) {
            Some("json" | "xml" | "xml-pretty") => Format::Json,
            Some("json-pretty") => Format::JsonPretty,
            _ => Format::Plain,
        }
    }

    /// Arguments as capabilities see them, `allow command X with NAME=VALUE`: text by name, without
    /// the prefix; the pairs of `caps` each as `caps_SERVICE`.
    pub fn for_caps(&self) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        for name in self.values.keys().filter(|name| *name != "prefix") {
            if name == "caps" {
                for pair in self.list(name).chunks_exact(2) {
                    out.insert(format!("caps_{}", pair[0]), pair[1].clone());
                }
            } else if let Some(text) = self.text(name) {
                out.insert(name.clone(), text);
            } else if let Some(Value::Array(_)) = self.values.get(name) {
                out.insert(name.clone(), format!("[{}]", self.list(name).join(",")));
            }
        }
        out
    }

    /// The whole command as one line, for the audit log.
    pub fn to_line(&self) -> String {
        Value::Object(self.values.clone()).to_string()
    }

    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Text; numbers are turned into it.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// Text that must be there.
    pub fn need(&self, name: &str) -> Result<String, Failure> {
        self.text(name)
            .ok_or_else(|| Failure::invalid(format!("missing required parameter {name}")))
    }

    pub fn int(&self, name: &str) -> Result<Option<i64>, Failure> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let number = value
                    .as_i64()
                    .or_else(|| value.as_f64().filter(|f| f.fract() == 0.0).map(|f| f as i64))
                    .or_else(|| value.as_str().and_then(|s| s.trim().parse().ok()));
                match number {
                    Some(number) => Ok(Some(number)),
                    None => {
                        Err(Failure::invalid(format!("bad or missing integer parameter {name}")))
                    }
                }
            }
        }
    }

    pub fn float(&self, name: &str) -> Result<Option<f64>, Failure> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let number = value.as_f64().or_else(|| value.as_str().and_then(|s| s.parse().ok()));
                match number.filter(|f: &f64| f.is_finite()) {
                    Some(number) => Ok(Some(number)),
                    None => Err(Failure::invalid(format!("bad or missing float parameter {name}"))),
                }
            }
        }
    }

    pub fn need_float(&self, name: &str) -> Result<f64, Failure> {
        self.float(name)?
            .ok_or_else(|| Failure::invalid(format!("unable to parse {name} as a number")))
    }

    /// A flag: `true`, or the option's own text as older clients send it.
    pub fn flag(&self, name: &str) -> bool {
        match self.values.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text == "true" || text == "1" || text.starts_with("--"),
            _ => false,
        }
    }

    /// A list of texts; a single text is a list of one.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.values.get(name) {
            Some(Value::Array(items)) => items
                .iter()
                .filter_map(|item| match item {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                })
                .collect(),
            Some(_) => self.text(name).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// `3` or `osd.3`.
    pub fn osd(&self, name: &str) -> Result<Option<u32>, Failure> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => match parse_osd(&text) {
                Some(id) => Ok(Some(id)),
                None => Err(Failure::invalid(format!("invalid osd id '{text}'"))),
            },
        }
    }

    pub fn need_osd(&self, name: &str) -> Result<u32, Failure> {
        self.osd(name)?
            .ok_or_else(|| Failure::invalid(format!("missing required parameter {name}")))
    }
}

/// Reads `3` or `osd.3`.
pub fn parse_osd(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("osd.").unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_in_every_form_that_clients_send() {
        let args = Args::parse(&[
            r#"{"prefix":"osd out","ids":["1","osd.2"],"#.into(),
            r#""weight":"0.5","n":7,"yes":"--yes-i-mean-it","id":"osd.3","format":"json"}"#.into(),
        ])
        .expect("one object");
        assert_eq!(args.prefix(), "osd out");
        assert_eq!(args.format(), Format::Json);
        assert_eq!(args.list("ids"), ["1", "osd.2"]);
        assert_eq!(args.float("weight"), Ok(Some(0.5)));
        assert_eq!(args.int("n"), Ok(Some(7)));
        assert!(args.flag("yes"));
        assert_eq!(args.osd("id"), Ok(Some(3)));
        assert!(args.int("weight").is_err());
        assert!(args.need("nothing").is_err());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "{", "7", "\"x\""] {
            assert!(Args::parse(&[text.into()]).is_none(), "{text}");
        }
    }
}
