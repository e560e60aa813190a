//! Changing the CRUSH map. Every handler works on a copy, so that what is refused changes nothing.

use super::args::parse_osd;
use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, Reply, errno};
use crate::text::general;
use crush::CrushMap;
use crush::builder::{EditError, weight_from_f64};
use std::collections::BTreeMap;
use types::OsdId;
use types::enc::Decode;

pub const COMMANDS: &[Spec] = &[
    cmd(
        "osd crush set",
        "id:OsdName weight:Float,range=0.0 args:String,goodchars=[A-Za-z0-9-_.=],n=N",
        "osd",
        "rw",
        "put an OSD in its place with a weight",
        set,
    ),
    cmd(
        "osd crush set",
        "prior_version:Int,req=false",
        "osd",
        "rw",
        "replace the CRUSH map",
        setmap,
    ),
    cmd(
        "osd setcrushmap",
        "prior_version:Int,req=false",
        "osd",
        "rw",
        "replace the CRUSH map",
        setmap,
    ),
    cmd(
        "osd crush add",
        "id:OsdName weight:Float,range=0.0 args:String,goodchars=[A-Za-z0-9-_.=],n=N",
        "osd",
        "rw",
        "add an OSD or change its place and weight",
        add,
    ),
    cmd(
        "osd crush create-or-move",
        "id:OsdName weight:Float,range=0.0 args:String,goodchars=[A-Za-z0-9-_.=],n=N",
        "osd",
        "rw",
        "put an OSD in its place and keep its weight",
        create_or_move,
    ),
    cmd(
        "osd crush move",
        "name:String,goodchars=[A-Za-z0-9-_.] args:String,goodchars=[A-Za-z0-9-_.=],n=N",
        "osd",
        "rw",
        "move a bucket or an OSD",
        move_item,
    ),
    cmd(
        "osd crush link",
        "name:String args:String,goodchars=[A-Za-z0-9-_.=],n=N",
        "osd",
        "rw",
        "put a bucket in one more place",
        link,
    ),
    cmd(
        "osd crush rm",
        "name:String,goodchars=[A-Za-z0-9-_.] ancestor:String,goodchars=[A-Za-z0-9-_.],req=false",
        "osd",
        "rw",
        "remove a bucket or an OSD",
        rm,
    ),
    cmd(
        "osd crush remove",
        "name:String,goodchars=[A-Za-z0-9-_.] ancestor:String,goodchars=[A-Za-z0-9-_.],req=false",
        "osd",
        "rw",
        "remove a bucket or an OSD",
        rm,
    ),
    cmd(
        "osd crush unlink",
        "name:String,goodchars=[A-Za-z0-9-_.] ancestor:String,goodchars=[A-Za-z0-9-_.],req=false",
        "osd",
        "rw",
        "take a bucket from its place",
        rm,
    ),
    cmd(
        "osd crush reweight",
        "name:String,goodchars=[A-Za-z0-9-_.] weight:Float,range=0.0",
        "osd",
        "rw",
        "weight of an OSD",
        reweight,
    ),
    cmd(
        "osd crush reweight-subtree",
        "name:String,goodchars=[A-Za-z0-9-_.] weight:Float,range=0.0",
        "osd",
        "rw",
        "weight of all OSDs below a bucket",
        reweight_subtree,
    ),
    cmd(
        "osd crush reweight-all",
        "",
        "osd",
        "rw",
        "make the weights of buckets the sums again",
        reweight_all,
    ),
    cmd(
        "osd crush add-bucket",
        "name:String,goodchars=[A-Za-z0-9-_.] type:String args:String,goodchars=[A-Za-z0-9-_.=],n=N,req=false",
        "osd",
        "rw",
        "make a bucket",
        add_bucket,
    ),
    cmd(
        "osd crush rename-bucket",
        "srcname:String,goodchars=[A-Za-z0-9-_.] dstname:String,goodchars=[A-Za-z0-9-_.]",
        "osd",
        "rw",
        "rename a bucket",
        rename_bucket,
    ),
    cmd(
        "osd crush rule create-replicated",
        "name:String,goodchars=[A-Za-z0-9-_.] root:String,goodchars=[A-Za-z0-9-_.] type:String,goodchars=[A-Za-z0-9-_.] class:String,goodchars=[A-Za-z0-9-_.],req=false",
        "osd",
        "rw",
        "make a rule for replicated pools",
        rule_create,
    ),
    cmd(
        "osd crush rule create-simple",
        "name:String,goodchars=[A-Za-z0-9-_.] root:String,goodchars=[A-Za-z0-9-_.] type:String,goodchars=[A-Za-z0-9-_.] mode:Choices,req=false,strings=firstn|indep",
        "osd",
        "rw",
        "make a rule for replicated pools",
        rule_create,
    ),
    cmd(
        "osd crush rule rm",
        "name:String,goodchars=[A-Za-z0-9-_.]",
        "osd",
        "rw",
        "remove a rule",
        rule_rm,
    ),
    cmd(
        "osd crush rule rename",
        "srcname:String,goodchars=[A-Za-z0-9-_.] dstname:String,goodchars=[A-Za-z0-9-_.]",
        "osd",
        "rw",
        "rename a rule",
        rule_rename,
    ),
    cmd(
        "osd crush set-device-class",
        "class:String ids:String,n=N",
        "osd",
        "rw",
        "device class of OSDs",
        set_class,
    ),
    cmd(
        "osd crush rm-device-class",
        "ids:String,n=N",
        "osd",
        "rw",
        "take OSDs out of their device class",
        rm_class,
    ),
    cmd(
        "osd crush tunables",
        "profile:Choices,strings=legacy|argonaut|bobtail|firefly|hammer|jewel|optimal|default",
        "osd",
        "rw",
        "tunables of placement",
        tunables,
    ),
];

type Location = BTreeMap<String, String>;

fn failure(e: EditError) -> Failure {
    let code = match e {
        EditError::NotEmpty { .. } => {
            return Failure::new(errno::ENOTEMPTY, "(39) Directory not empty");
        }
        EditError::InUse { .. } => errno::EBUSY,
        EditError::NameInUse { .. } | EditError::IdInUse { .. } => errno::EEXIST,
        EditError::NoSuchName { .. }
        | EditError::NoSuchItem { .. }
        | EditError::NoSuchRule { .. } => errno::ENOENT,
        _ => errno::EINVAL,
    };
    Failure::new(code, e.to_string())
}

/// Applies `edit` to a copy and keeps it if it works.
fn with_copy<T>(
    cx: &mut Cx<'_>,
    edit: impl FnOnce(&mut CrushMap) -> Result<T, EditError>,
) -> Result<T, Failure> {
    let mut copy = cx.services.osd.crush_view().clone();
    let done = edit(&mut copy).map_err(failure)?;
    if copy != *cx.services.osd.crush_view() {
        *cx.services.osd.edit_crush() = copy;
    }
    Ok(done)
}

fn location(args: &Args) -> Result<Location, Failure> {
    let mut out = Location::new();
    for text in args.list("args") {
        let (kind, name) = text
            .split_once('=')
            .filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
            .ok_or_else(|| Failure::invalid(format!("bad location '{text}'")))?;
        out.insert(kind.to_owned(), name.to_owned());
    }
    Ok(out)
}

fn shown(loc: &Location) -> String {
    let pairs: Vec<String> = loc.iter().map(|(k, v)| format!("{k}={v}")).collect();
    format!("{{{}}}", pairs.join(","))
}

fn weight(args: &Args) -> Result<(f64, u32), Failure> {
    let weight = args.need_float("weight")?;
    let fixed = weight_from_f64(weight)
        .ok_or_else(|| Failure::invalid(format!("unable to parse weight value '{weight}'")))?;
    Ok((weight, fixed))
}

fn osd(cx: &Cx<'_>, args: &Args) -> Result<(i32, String), Failure> {
    let id = args.need_osd("id")?;
    match cx.services.osd.view().exists(OsdId(id)) {
        true => Ok((id as i32, format!("osd.{id}"))),
        false => Err(Failure::not_found(format!(
            "osd.{id} does not exist. Create it before updating the crush map"
        ))),
    }
}

fn update(cx: &mut Cx<'_>, args: &Args, must_exist: bool) -> Outcome {
    let (id, name) = osd(cx, args)?;
    let ((value, fixed), loc) = (weight(args)?, location(args)?);
    let was_there = cx.services.osd.crush_view().item_id(&name).is_some();
    if must_exist && !was_there {
        return Err(Failure::not_found(format!(
            "unable to set item id {id} name '{name}' weight {} at location {}: does not exist",
            general(value),
            shown(&loc)
        )));
    }
    let changed = with_copy(cx, |map| map.update_item(id, fixed, &name, &loc))?;
    let result = if changed { " to crush map" } else { ": no change" };
    // The real one says "set" to either command once the item is in the map.
    let verb = if must_exist || was_there { "set" } else { "add" };
    Ok(Reply::status(format!(
        "{verb} item id {id} name '{name}' weight {} at location {}{result}",
        general(value),
        shown(&loc)
    )))
}

fn set(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    update(cx, args, true)
}

fn add(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    update(cx, args, false)
}

fn create_or_move(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (id, name) = osd(cx, args)?;
    let ((value, fixed), loc) = (weight(args)?, location(args)?);
    let changed = with_copy(cx, |map| map.create_or_move_item(id, fixed, &name, &loc))?;
    let verb = if changed { "updating" } else { "updated" };
    Ok(Reply::status(format!(
        "create-or-move {verb} item name '{name}' weight {} at location {} to crush map",
        general(value),
        shown(&loc)
    )))
}

fn is_there(map: &CrushMap, id: i32, loc: &Location) -> bool {
    let path: Location = map.full_location(id).into_iter().collect();
    let direct = map.full_location(id).first().cloned();
    loc.iter().all(|(k, v)| path.get(k) == Some(v))
        && direct.is_some_and(|(k, v)| loc.get(&k) == Some(&v))
}

fn move_item(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (name, loc) = (args.need("name")?, location(args)?);
    let map = cx.services.osd.crush_view();
    let id = map
        .item_id(&name)
        .ok_or_else(|| Failure::not_found(format!("item {name} does not exist")))?;
    let at = shown(&loc);
    if is_there(map, id, &loc) {
        return Ok(Reply::status(format!(
            "no need to move item id {id} name '{name}' to location {at} in crush map"
        )));
    }
    let invalid = |_| Failure::invalid("(22) Invalid argument");
    let mut copy = map.clone();
    match id {
        0.. => drop(copy.create_or_move_item(id, 0, &name, &loc).map_err(invalid)?),
        _ => copy.move_bucket(id, &loc).map_err(invalid)?,
    }
    *cx.services.osd.edit_crush() = copy;
    Ok(Reply::status(format!("moved item id {id} name '{name}' to location {at} in crush map")))
}

fn link(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (name, loc) = (args.need("name")?, location(args)?);
    let map = cx.services.osd.crush_view();
    let id = map
        .item_id(&name)
        .ok_or_else(|| Failure::not_found(format!("item {name} does not exist")))?;
    let holds = |name: &String| {
        map.item_id(name).is_some_and(|b| map.parents(id).any(|parent| parent.id == b))
    };
    if !loc.is_empty() && loc.values().all(holds) {
        return Ok(Reply::status(format!(
            "no need to move item id {id} name '{name}' to location {} in crush map",
            shown(&loc)
        )));
    }
    with_copy(cx, |map| map.link_bucket(id, &loc))?;
    Ok(Reply::status(format!(
        "linked item id {id} name '{name}' to location {} in crush map",
        shown(&loc)
    )))
}

fn rm(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("name")?;
    let map = cx.services.osd.crush_view();
    let Some(id) = map.item_id(&name) else {
        return Ok(Reply::status(format!("device '{name}' does not appear in the crush map")));
    };
    let unlink = args.prefix() == "osd crush unlink";
    let ancestor = match args.text("ancestor") {
        None => None,
        Some(text) => Some(map.item_id(&text).ok_or_else(|| {
            Failure::not_found(format!("ancestor item '{text}' does not appear in the crush map"))
        })?),
    };
    with_copy(cx, |map| match ancestor {
        Some(ancestor) => map.remove_item_under(id, ancestor, unlink),
        None => map.remove_item(id, unlink),
    })?;
    Ok(Reply::status(format!("removed item id {id} name '{name}' from crush map")))
}

fn reweight(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (name, (value, fixed)) = (args.need("name")?, weight(args)?);
    let id = cx.services.osd.crush_view().item_id(&name).ok_or_else(|| {
        Failure::not_found(format!("device '{name}' does not appear in the crush map"))
    })?;
    if id < 0 {
        return Err(Failure::invalid(format!("device '{name}' is not a leaf in the crush map")));
    }
    with_copy(cx, |map| map.set_item_weight(id, fixed))?;
    Ok(Reply::status(format!(
        "reweighted item id {id} name '{name}' to {} in crush map",
        general(value)
    )))
}

fn reweight_subtree(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (name, (value, fixed)) = (args.need("name")?, weight(args)?);
    let id = cx.services.osd.crush_view().item_id(&name).ok_or_else(|| {
        Failure::not_found(format!("device '{name}' does not appear in the crush map"))
    })?;
    if id >= 0 {
        return Err(Failure::invalid(format!("device '{name}' is not a subtree in the crush map")));
    }
    with_copy(cx, |map| map.set_subtree_weight(id, fixed))?;
    Ok(Reply::status(format!(
        "reweighted subtree id {id} name '{name}' to {} in crush map",
        general(value)
    )))
}

fn reweight_all(cx: &mut Cx<'_>, _: &Args) -> Outcome {
    with_copy(cx, |map| map.reweight_all())?;
    Ok(Reply::status("reweighted crush hierarchy"))
}

fn add_bucket(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (name, kind, loc) = (args.need("name")?, args.need("type")?, location(args)?);
    let map = cx.services.osd.crush_view();
    if map.item_id(&name).is_some() {
        return Ok(Reply::status(format!("bucket '{name}' already exists")));
    }
    match map.type_id(&kind) {
        None => return Err(Failure::invalid(format!("type '{kind}' does not exist"))),
        Some(0) => {
            return Err(Failure::invalid(format!("type '{kind}' is for devices, not buckets")));
        }
        Some(_) => {}
    }
    if !crush::builder::is_valid_name(&name) {
        return Err(Failure::invalid(format!("error setting bucket name to '{name}'")));
    }
    with_copy(cx, |map| {
        let id = map.add_bucket(&name, &kind)?;
        if !loc.is_empty() {
            map.move_bucket(id, &loc)?;
        }
        Ok(())
    })?;
    Ok(Reply::status(match loc.is_empty() {
        true => format!("added bucket {name} type {kind} to crush map"),
        false => format!("added bucket {name} type {kind} to location {}", shown(&loc)),
    }))
}

fn rename_bucket(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (from, to) = (args.need("srcname")?, args.need("dstname")?);
    let map = cx.services.osd.crush_view();
    match (map.item_id(&from), map.item_id(&to)) {
        (None, None) => {
            return Err(Failure::not_found(format!("srcname = '{from}' does not exist")));
        }
        // Asked again: not an error.
        (None, Some(_)) => {
            return Ok(Reply::status(format!(
                "srcname = '{from}' does not exist and dstname = '{to}' already exists"
            )));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::new(errno::EEXIST, format!("dstname = '{to}' already exists")));
        }
        (Some(_), None) => with_copy(cx, |map| map.rename_bucket(&from, &to))?,
    }
    Ok(Reply::status(format!("renamed bucket {from} into {to}")))
}

fn rule_create(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (name, root, kind) = (args.need("name")?, args.need("root")?, args.need("type")?);
    let class = args.text("class").filter(|c| !c.is_empty());
    let map = cx.services.osd.crush_view();
    if map.rule_id(&name).is_some() {
        return Ok(Reply::status(format!("rule {name} already exists")));
    }
    if map.item_id(&root).is_none() {
        return Err(Failure::not_found(format!("root item {root} does not exist")));
    }
    if map.type_id(&kind).is_none() {
        return Err(Failure::invalid(format!("unknown type {kind}")));
    }
    if let Some(class) = class.as_deref().filter(|c| map.class_id(c).is_none()) {
        return Err(Failure::invalid(format!("device class {class} does not exist")));
    }
    with_copy(cx, |map| map.create_replicated_rule(&name, &root, &kind, class.as_deref()))?;
    Ok(Reply::default())
}

fn rule_rm(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("name")?;
    let Some(id) = cx.services.osd.crush_view().rule_id(&name) else {
        return Ok(Reply::status(format!("rule {name} does not exist")));
    };
    if cx.services.osd.view().pools.values().any(|p| p.crush_rule as u32 == id) {
        return Err(Failure::new(errno::EBUSY, format!("crush ruleset {name} {id} is in use")));
    }
    with_copy(cx, |map| map.remove_rule(&name))?;
    Ok(Reply::default())
}

fn rule_rename(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (from, to) = (args.need("srcname")?, args.need("dstname")?);
    let map = cx.services.osd.crush_view();
    match (map.rule_id(&from), map.rule_id(&to)) {
        (None, None) => Err(Failure::not_found(format!("rule name '{from}' does not exist"))),
        (None, Some(_)) => Ok(Reply::status(format!("already renamed to '{to}'"))),
        (Some(_), Some(_)) => {
            Err(Failure::new(errno::EEXIST, format!("rule name '{to}' already exists")))
        }
        (Some(_), None) => {
            with_copy(cx, |map| map.rename_rule(&from, &to)).map(|()| Reply::default())
        }
    }
}

/// Device ids that `ids` names; `all` is every OSD.
fn devices(cx: &Cx<'_>, args: &Args) -> Result<Vec<u32>, Failure> {
    let mut out = Vec::new();
    for text in args.list("ids") {
        if matches!(text.as_str(), "all" | "any" | "*") {
            return Ok(cx.services.osd.view().osds().map(|o| o.0).collect());
        }
        out.push(
            parse_osd(&text)
                .ok_or_else(|| Failure::invalid(format!("unable to parse osd id:\"{text}\"")))?,
        );
    }
    Ok(out)
}

fn set_class(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (class, ids) = (args.need("class")?, devices(cx, args)?);
    let mut status = String::new();
    let mut done = Vec::new();
    let mut map = cx.services.osd.crush_view().clone();
    for id in ids {
        if !cx.services.osd.view().exists(OsdId(id)) {
            status += &format!("osd.{id} does not exist. ");
            continue;
        }
        if let Some(have) = map.device_class(id as i32) {
            if have == class {
                status += &format!(
                    "osd.{id} already set to class {class}. set-device-class item id {id} name 'osd.{id}' device_class '{class}': no change. "
                );
                continue;
            }
            return Err(Failure::new(
                errno::EBUSY,
                format!(
                    "osd.{id} has already bound to class '{have}', can not reset class to '{class}'; use 'ceph osd crush rm-device-class <id>' to remove old class first"
                ),
            ));
        }
        map.set_device_class(id as i32, &class).map_err(failure)?;
        done.push(id.to_string());
    }
    *cx.services.osd.edit_crush() = map;
    Ok(Reply::status(format!("{status}set osd(s) {} to class '{class}'", done.join(","))))
}

fn rm_class(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let mut status = String::new();
    let mut done = Vec::new();
    let mut map = cx.services.osd.crush_view().clone();
    for id in devices(cx, args)? {
        if map.device_class(id as i32).is_none() {
            status += &format!("osd.{id} belongs to no class, ");
            continue;
        }
        map.remove_device_class(id as i32).map_err(failure)?;
        done.push(id.to_string());
    }
    *cx.services.osd.edit_crush() = map;
    Ok(Reply::status(format!("{status}done removing class of osd(s): {}", done.join(","))))
}

fn tunables(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let profile = args.need("profile")?;
    let tunables = cx.services.osd.crush_view().tunables.with_profile(&profile);
    let tunables =
        tunables.ok_or_else(|| Failure::invalid(format!("unrecognized profile '{profile}'")))?;
    cx.services.osd.edit_crush().tunables = tunables;
    Ok(Reply::status(format!("adjusted tunables profile to {profile}")))
}

/// Replaces the map by the one that the caller gives, after a look at whether the cluster survives it.
fn setmap(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let version = cx.services.osd.view().crush_version;
    if let Some(prior) = args.int("prior_version")? {
        if prior == version as i64 - 1 && *cx.input == *cx.services.osd.view().crush_raw {
            return Ok(Reply::status(version.to_string()));
        }
        if prior != version as i64 {
            return Err(Failure::new(
                errno::EPERM,
                format!("prior_version {prior} != crush version {version}"),
            ));
        }
    }
    let map = CrushMap::from_slice(&cx.input)
        .map_err(|e| Failure::invalid(format!("Failed to parse crushmap: {e}")))?;
    for (id, pool) in &cx.services.osd.view().pools {
        if map.rules.get(pool.crush_rule as usize).is_none_or(Option::is_none) {
            return Err(Failure::invalid(format!(
                "pool {id} uses rule {} which the new map lacks",
                pool.crush_rule
            )));
        }
    }
    *cx.services.osd.edit_crush() = map;
    Ok(Reply::status((version + 1).to_string()))
}
