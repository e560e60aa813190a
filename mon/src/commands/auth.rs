//! Keys and capabilities: `auth ...`.

use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Format, Outcome, Reply, answer};
use crate::auth_service::AuthService;
use maps::json::pretty;
use messenger::auth::keyring::Keyring;
use messenger::auth::{AuthName, EntityAuth};
use messenger::caps::{CapsError, MonCaps, OsdCaps};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const COMMANDS: &[Spec] = &[
    cmd("auth ls", "", "auth", "rx", "entities with their keys and capabilities", ls),
    cmd("auth list", "", "auth", "rx", "entities with their keys and capabilities", ls),
    cmd("auth get", "entity:String", "auth", "rx", "keyring of an entity", get),
    cmd(
        "auth export",
        "entity:String,req=false",
        "auth",
        "rx",
        "keyring of one entity, or of all",
        export,
    ),
    cmd("auth get-key", "entity:String", "auth", "rx", "key of an entity", get_key),
    cmd("auth print-key", "entity:String", "auth", "rx", "key of an entity", get_key),
    cmd("auth print_key", "entity:String", "auth", "rx", "key of an entity", get_key),
    cmd("auth add", "entity:String caps:String,n=N,req=false", "auth", "rwx", "add an entity", add),
    cmd(
        "auth get-or-create",
        "entity:String caps:String,n=N,req=false",
        "auth",
        "rwx",
        "keyring of an entity, which is made if it is not there",
        get_or_create,
    ),
    cmd(
        "auth get-or-create-key",
        "entity:String caps:String,n=N,req=false",
        "auth",
        "rwx",
        "key of an entity, which is made if it is not there",
        get_or_create,
    ),
    cmd(
        "auth caps",
        "entity:String caps:String,n=N",
        "auth",
        "rwx",
        "set the capabilities of an entity",
        caps,
    ),
    cmd("auth import", "", "auth", "rwx", "take entities from a keyring", import),
    cmd("auth rm", "entity:String", "auth", "rwx", "remove an entity", rm),
    cmd("auth del", "entity:String", "auth", "rwx", "remove an entity", rm),
];

fn name(args: &Args) -> Result<AuthName, Failure> {
    AuthName::parse(&args.need("entity")?).ok_or_else(|| Failure::invalid("bad entity name"))
}

fn find(cx: &Cx<'_>, name: &AuthName) -> Result<EntityAuth, Failure> {
    let found = cx.services.auth.get(name).cloned();
    found.ok_or_else(|| Failure::not_found(format!("failed to find {name} in keyring")))
}

fn entity_json(name: &AuthName, entity: &EntityAuth) -> Value {
    json!({"entity": name.to_string(), "key": entity.key.to_base64(), "caps": entity.caps})
}

/// Keyring text, or the same as a JSON array.
fn keyring(args: &Args, name: &AuthName, entity: &EntityAuth) -> Outcome {
    let plain = || AuthService::keyring(name, entity).to_string();
    answer(args, || json!([entity_json(name, entity)]), plain)
}

/// Order of `auth ls`: kinds by their numbers, ids as text.
fn listed(cx: &Cx<'_>) -> Vec<(AuthName, EntityAuth)> {
    let mon = |n: &AuthName| n.kind == types::EntityKind::Mon;
    let all = cx.services.auth.list().filter(|(n, _)| !mon(n));
    let mut all: Vec<_> = all.map(|(n, e)| (n.clone(), e.clone())).collect();
    all.sort_by_key(|(n, _)| (n.kind as u32, n.id.clone()));
    all
}

fn ls(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let all = listed(cx);
    let json = || {
        let list: Vec<Value> = all.iter().map(|(n, e)| entity_json(n, e)).collect();
        json!({"auth_dump": list})
    };
    let plain = || {
        let mut out = String::new();
        for (name, entity) in &all {
            out += &format!("{name}\n\tkey: {}\n", entity.key.to_base64());
            out.extend(
                entity.caps.iter().map(|(service, text)| format!("\tcaps: [{service}] {text}\n")),
            );
        }
        out
    };
    let reply = answer(args, json, plain)?;
    Ok(match args.format() {
        Format::Plain => reply.with_status("installed auth entries:\n"),
        _ => reply,
    })
}

fn get(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = name(args)?;
    let entity = find(cx, &name)?;
    Ok(keyring(args, &name, &entity)?.with_status(format!("exported keyring for {name}")))
}

fn export(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    if args.has("entity") {
        let name = name(args)?;
        let entity = cx.services.auth.get(&name).cloned();
        let entity = entity.ok_or_else(|| Failure::not_found(format!("no key for {name}")))?;
        let status = format!("export auth(key={})", entity.key.to_base64());
        return Ok(keyring(args, &name, &entity)?.with_status(status));
    }
    let all = listed(cx);
    let plain = || all.iter().map(|(n, e)| AuthService::keyring(n, e).to_string()).collect();
    let json = || all.iter().map(|(n, e)| entity_json(n, e)).collect();
    Ok(answer(args, json, plain)?.with_status("exported master keyring"))
}

/// The key alone, without a newline.
fn key_only(args: &Args, entity: &EntityAuth) -> Outcome {
    let key = entity.key.to_base64();
    Ok(Reply::data(match args.format() {
        Format::Plain => key,
        Format::Json => json!({"key": key}).to_string(),
        Format::JsonPretty => pretty(&json!({"key": key})),
    }))
}

fn get_key(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = name(args)?;
    let entity = cx.services.auth.get(&name).cloned();
    let entity = entity.ok_or_else(|| Failure::not_found(format!("don't have {name}")))?;
    key_only(args, &entity)
}

/// The pairs of `caps`, each checked.
fn parse_caps(args: &Args) -> Result<BTreeMap<String, String>, Failure> {
    let list = args.list("caps");
    if !list.len().is_multiple_of(2) {
        return Err(Failure::invalid("bad capabilities request; odd number of arguments"));
    }
    let mut caps = BTreeMap::new();
    for pair in list.chunks(2) {
        check_cap(&pair[0], &pair[1])?;
        caps.insert(pair[0].clone(), pair[1].clone());
    }
    Ok(caps)
}

fn check_cap(service: &str, text: &str) -> Result<(), Failure> {
    let stopped = |e: CapsError| {
        let at = text.get(e.at..).unwrap_or_default();
        Failure::invalid(format!(
            "{service} capability parse failed, stopped at '{at}' of '{text}'"
        ))
    };
    match service {
        "mon" => MonCaps::parse(text).map(|_| ()).map_err(stopped),
        "osd" => OsdCaps::parse(text).map(|_| ()).map_err(stopped),
        "mgr" | "mds" => match text.starts_with("allow") || text.starts_with("profile") {
            true => Ok(()),
            false => Err(stopped(CapsError { at: 0 })),
        },
        _ => Err(Failure::invalid(format!("unknown cap type '{service}'"))),
    }
}

/// The key that the caller gives with `-i`, or a new one.
fn given_key(cx: &mut Cx<'_>, name: &AuthName) -> Result<Option<EntityAuth>, Failure> {
    if cx.input.is_empty() {
        return Ok(None);
    }
    let text =
        std::str::from_utf8(&cx.input).map_err(|_| Failure::invalid("error decoding keyring"))?;
    let ring = Keyring::parse(text).map_err(|_| Failure::invalid("error decoding keyring"))?;
    let entry = ring.entries.get(name);
    let entry = entry
        .ok_or_else(|| Failure::invalid(format!("key for {name} not found in provided keyring")))?;
    Ok(Some(EntityAuth { key: entry.key, caps: entry.caps.clone() }))
}

fn make(
    cx: &mut Cx<'_>,
    name: &AuthName,
    caps: BTreeMap<String, String>,
) -> Result<EntityAuth, Failure> {
    let entity = match given_key(cx, name)? {
        Some(given) if caps.is_empty() => given,
        Some(given) => EntityAuth { key: given.key, caps },
        None => EntityAuth { key: cx.services.auth.new_key(cx.now.wall), caps },
    };
    cx.services.auth.set(name.clone(), entity.clone());
    Ok(entity)
}

fn add(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = name(args)?;
    let caps = parse_caps(args)?;
    if let Some(known) = cx.services.auth.get(&name).cloned() {
        let given = given_key(cx, &name)?;
        let same_key = given.as_ref().is_none_or(|g| g.key == known.key);
        return match same_key && known.caps == caps {
            true => Ok(Reply::default()),
            false if !same_key => {
                Err(Failure::invalid(format!("entity {name} exists but key does not match")))
            }
            false => Err(Failure::invalid(format!("entity {name} exists but caps do not match"))),
        };
    }
    make(cx, &name, caps)?;
    Ok(Reply::status(format!("added key for {name}")))
}

fn get_or_create(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = name(args)?;
    let caps = parse_caps(args)?;
    let entity = match cx.services.auth.get(&name).cloned() {
        None => make(cx, &name, caps)?,
        Some(known) => {
            let differs =
                caps.iter().find(|(service, text)| known.caps.get(*service) != Some(*text));
            if let Some((service, _)) = differs {
                return Err(Failure::invalid(format!(
                    "key for {name} exists but cap {service} does not match"
                )));
            }
            known
        }
    };
    if args.prefix() == "auth get-or-create-key" {
        let mut reply = key_only(args, &entity)?;
        if args.format() == Format::Plain {
            reply.data.push(b'\n');
        }
        return Ok(reply);
    }
    // Unlike `auth get`, the plain form shows the key alone.
    let bare = EntityAuth { key: entity.key, caps: BTreeMap::new() };
    let plain = || AuthService::keyring(&name, &bare).to_string();
    answer(args, || json!([entity_json(&name, &entity)]), plain)
}

fn caps(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = name(args)?;
    let caps = parse_caps(args)?;
    let Some(known) = cx.services.auth.get(&name) else {
        return Err(Failure::not_found(format!("couldn't find entry {name}")));
    };
    let key = known.key;
    cx.services.auth.set(name.clone(), EntityAuth { key, caps });
    Ok(Reply::status(format!("updated caps for {name}")))
}

fn import(cx: &mut Cx<'_>, _: &Args) -> Outcome {
    let text = String::from_utf8_lossy(&cx.input).into_owned();
    if text.is_empty() {
        return Err(Failure::invalid("auth import: no data supplied"));
    }
    let ring = Keyring::parse(&text)
        .map_err(|e| Failure::invalid(format!("error decoding keyring: {e}")))?;
    for (service, text) in ring.entries.values().flat_map(|e| &e.caps) {
        check_cap(service, text)?;
    }
    for (name, entry) in ring.entries {
        cx.services.auth.set(name, EntityAuth { key: entry.key, caps: entry.caps });
    }
    Ok(Reply::status("imported keyring"))
}

fn rm(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = name(args)?;
    if cx.services.auth.get(&name).is_none() {
        return Ok(Reply::status(format!("entity {name} does not exist")));
    }
    cx.services.auth.remove(name);
    Ok(Reply::status("updated"))
}
