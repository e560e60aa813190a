//! Which applications use a pool: `osd pool application ...`.

use super::pool::find;
use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, Reply, answer_json, errno};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use types::PoolId;

pub const COMMANDS: &[Spec] = &[
    cmd(
        "osd pool application enable",
        "pool:Poolname app:String,goodchars=[A-Za-z0-9-_.] yes_i_really_mean_it:Bool,req=false",
        "osd",
        "rw",
        "say that an application uses a pool",
        enable,
    ),
    cmd(
        "osd pool application disable",
        "pool:Poolname app:String yes_i_really_mean_it:Bool,req=false",
        "osd",
        "rw",
        "say that an application uses a pool no more",
        disable,
    ),
    cmd(
        "osd pool application set",
        "pool:Poolname app:String key:String,goodchars=[A-Za-z0-9-_.] value:String,goodchars=[A-Za-z0-9-_.=]",
        "osd",
        "rw",
        "set a key of an application",
        set,
    ),
    cmd(
        "osd pool application rm",
        "pool:Poolname app:String key:String",
        "osd",
        "rw",
        "remove a key of an application",
        rm,
    ),
    cmd(
        "osd pool application get",
        "pool:Poolname,req=false app:String,req=false key:String,req=false",
        "osd",
        "r",
        "applications of pools",
        get,
    ),
];

type Apps = BTreeMap<String, BTreeMap<String, String>>;

const APPS_MAX: usize = 4;
const NAME_MAX: usize = 128;

fn edit(cx: &mut Cx<'_>, id: PoolId, change: impl FnOnce(&mut Apps)) {
    let next = cx.services.osd.next_epoch();
    if let Some(pool) = cx.services.osd.edit().pools.get_mut(&id) {
        change(&mut pool.applications);
        pool.last_change = next;
    }
}

fn target(cx: &Cx<'_>, args: &Args) -> Result<(String, PoolId, String), Failure> {
    let (pool, app) = (args.need("pool")?, args.need("app")?);
    let id = find(cx, &pool)?;
    Ok((pool, id, app))
}

fn enable(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (pool, id, app) = target(cx, args)?;
    if app.is_empty() {
        return Err(Failure::invalid("application name must be provided"));
    }
    let apps = &cx.services.osd.view().pools[&id].applications;
    let done = format!("enabled application '{app}' on pool '{pool}'");
    if apps.contains_key(&app) {
        return Ok(Reply::status(done));
    }
    let sure = args.flag("yes_i_really_mean_it");
    if !apps.is_empty() && !sure {
        return Err(Failure::new(
            errno::EPERM,
            format!(
                "Are you SURE? Pool '{pool}' already has an enabled application; pass --yes-i-really-mean-it to proceed anyway"
            ),
        ));
    }
    if apps.len() >= APPS_MAX {
        return Err(Failure::invalid(format!(
            "too many enabled applications on pool '{pool}'; max {APPS_MAX}"
        )));
    }
    if app.len() > NAME_MAX {
        return Err(Failure::invalid(format!(
            "application name '{app}' too long; max length {NAME_MAX}"
        )));
    }
    edit(cx, id, |apps| drop(apps.insert(app, BTreeMap::new())));
    Ok(Reply::status(done))
}

fn disable(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (pool, id, app) = target(cx, args)?;
    if !args.flag("yes_i_really_mean_it") {
        return Err(Failure::new(
            errno::EPERM,
            "Are you SURE? Disabling an application within a pool might result in loss of application functionality; pass --yes-i-really-mean-it to proceed anyway".to_string(),
        ));
    }
    if !cx.services.osd.view().pools[&id].applications.contains_key(&app) {
        return Ok(Reply::status(format!("application '{app}' is not enabled on pool '{pool}'")));
    }
    edit(cx, id, |apps| drop(apps.remove(&app)));
    Ok(Reply::status(format!("disable application '{}' on pool '{pool}'", args.need("app")?)))
}

fn need_app(cx: &Cx<'_>, pool: &str, id: PoolId, app: &str) -> Result<(), Failure> {
    match cx.services.osd.view().pools[&id].applications.contains_key(app) {
        true => Ok(()),
        false => {
            Err(Failure::not_found(format!("application '{app}' is not enabled on pool '{pool}'")))
        }
    }
}

fn set(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (pool, id, app) = target(cx, args)?;
    need_app(cx, &pool, id, &app)?;
    let (key, value) = (args.need("key")?, args.need("value")?);
    let status = format!("set application '{app}' key '{key}' to '{value}' on pool '{pool}'");
    edit(cx, id, |apps| drop(apps.entry(app).or_default().insert(key, value)));
    Ok(Reply::status(status))
}

fn rm(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (pool, id, app) = target(cx, args)?;
    need_app(cx, &pool, id, &app)?;
    let key = args.need("key")?;
    if !cx.services.osd.view().pools[&id].applications[&app].contains_key(&key) {
        return Ok(Reply::status(format!(
            "application '{app}' on pool '{pool}' does not have key '{key}'"
        )));
    }
    let status = format!("removed application '{app}' key '{key}' on pool '{pool}'");
    edit(cx, id, |apps| drop(apps.entry(app).or_default().remove(&key)));
    Ok(Reply::status(status))
}

fn get(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let map = cx.services.osd.view();
    let Some(pool) = args.text("pool") else {
        let all: Map<String, Value> = map
            .pools
            .iter()
            .map(|(id, p)| {
                (map.pool_name(*id).unwrap_or_default().to_owned(), json!(p.applications))
            })
            .collect();
        return answer_json(args, all.into());
    };
    let id = find(cx, &pool)?;
    let apps = &map.pools[&id].applications;
    let Some(app) = args.text("app") else { return answer_json(args, json!(apps)) };
    let keys = apps
        .get(&app)
        .ok_or_else(|| Failure::not_found(format!("pool '{pool}' has no application '{app}'")))?;
    let Some(key) = args.text("key") else { return answer_json(args, json!(keys)) };
    let value = keys.get(&key).ok_or_else(|| {
        Failure::not_found(format!(
            "application '{app}' on pool '{pool}' does not have key '{key}'"
        ))
    })?;
    Ok(Reply::data(format!("{value}\n")))
}
