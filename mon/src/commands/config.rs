//! Central configuration: `config ...` and `config-key ...`.

use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, Reply, answer, answer_json};
use crate::config_service::{self, ConfigError, OptionKind, normal, target};
use crate::text::{Align, Table};
use messenger::auth::AuthName;
use serde_json::{Map, Value, json};

pub const COMMANDS: &[Spec] = &[
    cmd(
        "config set",
        "who:String name:String value:String force:Bool,req=false",
        "config",
        "rw",
        "set an option",
        set,
    ),
    cmd("config rm", "who:String name:String", "config", "rw", "take an option away", rm),
    cmd(
        "config get",
        "who:String key:String,req=false",
        "config",
        "r",
        "options that hold for an entity",
        get,
    ),
    cmd("config dump", "", "mon", "r", "all options that are set", dump),
    cmd("config help", "key:String", "config", "r", "what an option means", help),
    cmd("config ls", "", "config", "r", "options that the monitor knows", ls),
    cmd(
        "config generate-minimal-conf",
        "",
        "config",
        "r",
        "a configuration file that finds the cluster",
        minimal,
    ),
    cmd("config-key get", "key:String", "config-key", "r", "value of a key", key_get),
    cmd(
        "config-key set",
        "key:String val:String,req=false",
        "config-key",
        "rw",
        "set a key",
        key_set,
    ),
    cmd(
        "config-key put",
        "key:String val:String,req=false",
        "config-key",
        "rw",
        "set a key",
        key_set,
    ),
    cmd("config-key rm", "key:String", "config-key", "rw", "remove a key", key_rm),
    cmd("config-key del", "key:String", "config-key", "rw", "remove a key", key_rm),
    cmd("config-key exists", "key:String", "config-key", "r", "whether a key is there", key_exists),
    cmd("config-key ls", "", "config-key", "r", "names of keys", key_ls),
    cmd("config-key list", "", "config-key", "r", "names of keys", key_ls),
    cmd("config-key dump", "key:String,req=false", "config-key", "r", "keys and values", key_dump),
];

fn refused(e: ConfigError, who: &str, name: &str) -> Failure {
    Failure::invalid(match e {
        ConfigError::UnknownOption => format!("unrecognized config option '{name}'"),
        ConfigError::UnknownTarget => format!("unrecognized config target '{who}'"),
        ConfigError::BadValue(why) => format!("error parsing value: {why}"),
    })
}

fn set(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (who, name, value) = (args.need("who")?, args.need("name")?, args.need("value")?);
    cx.services.config.set(&who, &name, &value).map_err(|e| refused(e, &who, &name))?;
    Ok(Reply::default())
}

fn rm(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (who, name) = (args.need("who")?, args.need("name")?);
    cx.services.config.remove(&who, &name).map_err(|e| refused(e, &who, &name))?;
    Ok(Reply::default())
}

fn table(rows: Vec<(String, &str, &str)>) -> String {
    use Align::Left;
    let mut table = Table::default();
    for heading in ["WHO", "MASK", "LEVEL", "OPTION", "VALUE", "RO"] {
        table = table.column(heading, Left, Left);
    }
    for (who, name, value) in rows {
        table.row([who, "".into(), "advanced".into(), name.into(), value.into(), " ".into()]);
    }
    table.render()
}

fn dump(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let all = cx.services.config.dump();
    let json = || {
        all.iter()
            .map(|(who, name, value)| {
                json!({
                    "section": who, "name": name, "value": value, "level": "advanced",
                    "can_update_at_runtime": true, "mask": "",
                })
            })
            .collect()
    };
    // Targets are indented by how special they are.
    let indent = |who: &str| match who {
        "global" => who.to_owned(),
        kind if !kind.contains('.') => format!("  {kind}"),
        _ => format!("    {who}"),
    };
    answer(args, json, || table(all.iter().map(|(w, n, v)| (indent(w), *n, *v)).collect()))
}

fn get(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let who = args.need("who")?;
    let full = if who.contains('.') { who.clone() } else { format!("{who}.") };
    let name = AuthName::parse(&full)
        .filter(|_| target(&who).is_some())
        .ok_or_else(|| Failure::invalid(format!("unrecognized entity '{who}'")))?;
    let options = cx.services.config.for_entity(&name);
    let Some(key) = args.text("key") else {
        let json = || {
            let entry = |section: &str, value: &str| json!({"value": value, "section": section, "mask": {}, "can_update_at_runtime": true});
            options
                .iter()
                .map(|(n, (w, v))| ((*n).to_owned(), entry(w, v)))
                .collect::<Map<_, _>>()
                .into()
        };
        return answer(args, json, || {
            table(options.iter().map(|(n, (w, v))| ((*w).to_owned(), *n, *v)).collect())
        });
    };
    let key = normal(&key);
    if key == "fsid" {
        return Ok(Reply::data(format!("{}\n", cx.services.mon.map.fsid)));
    }
    let set = options.get(key.as_str()).map(|(_, v)| (*v).to_owned());
    let value = set.or_else(|| config_service::info(&key).map(|o| o.default.to_owned()));
    let value = value.ok_or_else(|| Failure::not_found(format!("unrecognized key '{key}'")))?;
    Ok(Reply::data(format!("{value}\n")))
}

fn help(_: &mut Cx<'_>, args: &Args) -> Outcome {
    let key = normal(&args.need("key")?);
    let option = config_service::info(&key).ok_or_else(|| {
        Failure::not_found(format!("configuration option '{key}' not recognized"))
    })?;
    let default = match option.kind {
        OptionKind::Uint => option.default.parse::<u64>().map_or(Value::Null, Value::from),
        OptionKind::Bool => (option.default == "true").into(),
        _ => option.default.into(),
    };
    let json = || {
        json!({
            "name": option.name, "type": option.kind.name(), "level": "advanced",
            "desc": option.help, "long_desc": "", "default": default, "daemon_default": "",
            "tags": [], "services": [], "see_also": [], "can_update_at_runtime": true,
            "flags": ["runtime"],
        })
    };
    let plain = || {
        format!(
            "{} - {}\n  ({}, advanced)\n  Default: {}\n  Can update at runtime: true",
            option.name,
            option.help,
            option.kind.name(),
            option.default
        )
    };
    answer(args, json, plain)
}

fn ls(_: &mut Cx<'_>, args: &Args) -> Outcome {
    let names = || config_service::OPTIONS.iter().map(|o| o.name);
    answer(args, || names().collect(), || names().map(|n| format!("{n}\n")).collect())
}

fn minimal(cx: &mut Cx<'_>, _: &Args) -> Outcome {
    let map = &cx.services.mon.map;
    let hosts: Vec<String> = map
        .ranks
        .iter()
        .filter_map(|n| map.mons.get(n))
        .map(|m| {
            let all: Vec<String> = m.addrs.0.iter().map(|a| a.to_string()).collect();
            format!("[{}]", all.join(","))
        })
        .collect();
    let text = format!(
        "# minimal ceph.conf for {}\n[global]\n\tfsid = {}\n\tmon_host = {}\n",
        map.fsid,
        map.fsid,
        hosts.join(" ")
    );
    Ok(Reply::data(text))
}

fn key_get(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let key = args.need("key")?;
    let value = cx.services.config.key(&key).ok_or_else(|| Failure::not_found(""))?;
    Ok(Reply::data(value.to_vec()))
}

fn key_set(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let key = args.need("key")?;
    let value = args.text("val").map_or_else(|| cx.input.to_vec(), String::into_bytes);
    if value.len() > 64 << 10 {
        return Err(Failure::new(
            -27,
            "error: entry size limited to 65536 bytes. Use 'mon config key max entry size' to manually adjust",
        ));
    }
    cx.services.config.set_key(&key, Some(value));
    Ok(Reply::status(format!("set {key}")))
}

fn key_rm(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let key = args.need("key")?;
    if cx.services.config.key(&key).is_some() {
        cx.services.config.set_key(&key, None);
    }
    Ok(Reply::status("key deleted"))
}

fn key_exists(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let key = args.need("key")?;
    match cx.services.config.key(&key) {
        Some(_) => Ok(Reply::status(format!("key '{key}' exists"))),
        None => Err(Failure::not_found(format!("key '{key}' doesn't exist"))),
    }
}

fn key_ls(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    answer_json(args, cx.services.config.keys().map(|(k, _)| Value::from(k.as_str())).collect())
}

fn key_dump(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let prefix = args.text("key").unwrap_or_default();
    let shown = |v: &[u8]| match std::str::from_utf8(v) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("<<< binary blob of length {} >>>", v.len()),
    };
    let all: Map<String, Value> = cx
        .services
        .config
        .keys()
        .filter(|(k, _)| k.starts_with(&prefix))
        .map(|(k, v)| (k.clone(), shown(v).into()))
        .collect();
    answer_json(args, all.into())
}
