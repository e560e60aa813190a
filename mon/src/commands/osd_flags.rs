//! Flags, ratios and the blocklist.

use super::table::{Spec, cmd};
use super::{Args, Cx, Failure, Outcome, Reply, answer, errno};
use crate::text;
use maps::{Release, map_flags};
use serde_json::{Value, json};
use std::time::Duration;
use types::{AddrKind, EntityAddr};

pub const COMMANDS: &[Spec] = &[
    cmd(
        "osd set",
        "key:Choices,strings=full|pause|noup|nodown|noout|noin|nobackfill|norebalance|norecover|noscrub|nodeep-scrub|notieragent|nosnaptrim|pglog_hardlimit yes_i_really_mean_it:Bool,req=false",
        "osd",
        "rw",
        "set a flag of the cluster",
        set,
    ),
    cmd(
        "osd unset",
        "key:Choices,strings=full|pause|noup|nodown|noout|noin|nobackfill|norebalance|norecover|noscrub|nodeep-scrub|notieragent|nosnaptrim",
        "osd",
        "rw",
        "clear a flag of the cluster",
        unset,
    ),
    cmd(
        "osd set-full-ratio",
        "ratio:Float,range=0.0|1.0",
        "osd",
        "rw",
        "used share at which an OSD is full",
        set_full,
    ),
    cmd(
        "osd set-backfillfull-ratio",
        "ratio:Float,range=0.0|1.0",
        "osd",
        "rw",
        "used share at which backfill stops",
        set_backfillfull,
    ),
    cmd(
        "osd set-nearfull-ratio",
        "ratio:Float,range=0.0|1.0",
        "osd",
        "rw",
        "used share at which to warn",
        set_nearfull,
    ),
    cmd(
        "osd set-require-min-compat-client",
        "version:String yes_i_really_mean_it:Bool,req=false",
        "osd",
        "rw",
        "oldest clients that may come",
        set_min_client,
    ),
    cmd(
        "osd get-require-min-compat-client",
        "",
        "osd",
        "r",
        "oldest clients that may come",
        get_min_client,
    ),
    cmd(
        "osd require-osd-release",
        "release:Choices,strings=luminous|mimic|nautilus|octopus|pacific yes_i_really_mean_it:Bool,req=false",
        "osd",
        "rw",
        "oldest OSDs that may come",
        require_release,
    ),
    cmd(
        "osd blocklist",
        "blocklistop:Choices,strings=add|rm addr:EntityAddr expire:Float,range=0.0,req=false",
        "osd",
        "rw",
        "keep a client out, or let it in again",
        blocklist,
    ),
    cmd("osd blocklist ls", "", "osd", "r", "clients that are kept out", blocklist_ls),
    cmd("osd blocklist clear", "", "osd", "rw", "let everybody in again", blocklist_clear),
];

const SETTABLE: [(&str, u32); 12] = [
    ("pause", map_flags::PAUSE),
    ("noup", map_flags::NOUP),
    ("nodown", map_flags::NODOWN),
    ("noout", map_flags::NOOUT),
    ("noin", map_flags::NOIN),
    ("nobackfill", map_flags::NOBACKFILL),
    ("norebalance", map_flags::NOREBALANCE),
    ("norecover", map_flags::NORECOVER),
    ("noscrub", map_flags::NOSCRUB),
    ("nodeep-scrub", map_flags::NODEEP_SCRUB),
    ("notieragent", map_flags::NOTIERAGENT),
    ("nosnaptrim", map_flags::NOSNAPTRIM),
];

fn flag(args: &Args) -> Result<(u32, String), Failure> {
    let key = args.need("key")?;
    let (name, bits) = SETTABLE
        .iter()
        .find(|(name, _)| *name == key)
        .ok_or_else(|| Failure::invalid(format!("unrecognized flag '{key}'")))?;
    let shown = if *name == "pause" { "pauserd,pausewr" } else { name };
    Ok((*bits, shown.to_owned()))
}

fn set(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    if args.text("key").as_deref() == Some("pglog_hardlimit") {
        cx.services.osd.edit().flags |= map_flags::PGLOG_HARDLIMIT;
        return Ok(Reply::status("pglog_hardlimit is set"));
    }
    let (bits, shown) = flag(args)?;
    cx.services.osd.edit().flags |= bits;
    Ok(Reply::status(format!("{shown} is set")))
}

fn unset(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let (bits, shown) = flag(args)?;
    cx.services.osd.edit().flags &= !bits;
    Ok(Reply::status(format!("{shown} is unset")))
}

fn ratio(args: &Args) -> Result<f32, Failure> {
    let ratio = args.need_float("ratio")?;
    if !(0.0..=1.0).contains(&ratio) {
        return Err(Failure::invalid(format!("ratio {ratio} is not between 0 and 1")));
    }
    Ok(ratio as f32)
}

fn ratio_set(prefix: &str, ratio: f32) -> Outcome {
    Ok(Reply::status(format!("{prefix} {}", text::general(ratio as f64))))
}

fn set_full(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let ratio = ratio(args)?;
    cx.services.osd.edit().full_ratio = ratio;
    ratio_set(args.prefix(), ratio)
}

fn set_backfillfull(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let ratio = ratio(args)?;
    cx.services.osd.edit().backfillfull_ratio = ratio;
    ratio_set(args.prefix(), ratio)
}

fn set_nearfull(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let ratio = ratio(args)?;
    cx.services.osd.edit().nearfull_ratio = ratio;
    ratio_set(args.prefix(), ratio)
}

fn set_min_client(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let version = args.need("version")?;
    let release = Release::from_name(&version)
        .ok_or_else(|| Failure::invalid(format!("version {version} is not recognized")))?;
    cx.services.osd.edit().require_min_compat_client = release;
    Ok(Reply::status(format!("set require_min_compat_client to {version}")))
}

fn get_min_client(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = cx.services.osd.map().require_min_compat_client.name();
    answer(args, || name.into(), || name.into())
}

fn require_release(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let name = args.need("release")?;
    let release = Release::from_name(&name)
        .ok_or_else(|| Failure::invalid(format!("unrecognized release '{name}'")))?;
    if release > Release::PACIFIC {
        return Err(Failure::invalid(format!("not supported for release {name}")));
    }
    if release < cx.services.osd.view().require_osd_release {
        return Err(Failure::new(
            errno::EPERM,
            "require_osd_release cannot be lowered once it has been set",
        ));
    }
    cx.services.osd.edit().require_osd_release = release;
    Ok(Reply::default())
}

/// A client's address as the blocklist keeps it: kind `any`, so that it matches v1 and v2.
fn address(text: &str) -> Option<EntityAddr> {
    let bare = text.strip_prefix("v2:").or_else(|| text.strip_prefix("v1:")).unwrap_or(text);
    let mut addr = EntityAddr::parse(bare, AddrKind::Any).or_else(|| {
        let (host, nonce) = bare.split_once('/').unwrap_or((bare, "0"));
        let ip: std::net::IpAddr = host.trim_matches(['[', ']']).parse().ok()?;
        let sock = Some(std::net::SocketAddr::new(ip, 0));
        Some(EntityAddr { kind: AddrKind::Any, nonce: nonce.parse().ok()?, sock })
    })?;
    addr.kind = AddrKind::Any;
    Some(addr)
}

fn blocklist(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let text = args.need("addr")?;
    let addr = address(&text)
        .ok_or_else(|| Failure::invalid(format!("unable to parse address {text}")))?;
    let shown = maps::text::legacy_addr(&addr);
    match args.need("blocklistop")?.as_str() {
        "add" => {
            let seconds = args.float("expire")?.filter(|s| *s > 0.0).unwrap_or(3600.0).min(1e9);
            let until = cx.now.wall + Duration::from_secs_f64(seconds);
            cx.services.osd.edit().blocklist.insert(addr, until);
            let until = text::stamp(until);
            let seconds = text::general(seconds);
            Ok(Reply::status(format!("blocklisting {shown} until {until} ({seconds} sec)")))
        }
        "rm" => {
            if !cx.services.osd.view().blocklist.contains_key(&addr) {
                return Ok(Reply::status(format!("{shown} isn't blocklisted")));
            }
            cx.services.osd.edit().blocklist.remove(&addr);
            Ok(Reply::status(format!("un-blocklisting {shown}")))
        }
        _ => Err(Failure::invalid("blocklistop is add or rm")),
    }
}

fn blocklist_ls(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let list: Vec<(String, String)> = cx
        .services
        .osd
        .map()
        .blocklist
        .iter()
        .map(|(addr, until)| (maps::text::legacy_addr(addr), text::stamp(*until)))
        .collect();
    let json = || list.iter().map(|(a, u)| json!({"addr": a, "until": u})).collect::<Value>();
    let reply = answer(args, json, || list.iter().map(|(a, u)| format!("{a} {u}\n")).collect())?;
    Ok(reply.with_status(format!("listed {} entries", list.len())))
}

fn blocklist_clear(cx: &mut Cx<'_>, _: &Args) -> Outcome {
    cx.services.osd.edit().blocklist.clear();
    Ok(Reply::status(" removed all blocklist entries"))
}
