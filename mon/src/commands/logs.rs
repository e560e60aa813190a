//! The cluster log: `log`, `log last`.

use super::table::{Spec, cmd};
use super::{Args, Cx, Outcome, Reply, answer};
use crate::log_service::{level_name, line, priority, who};
use crate::text;
use serde_json::{Value, json};
use types::EntityName;

pub const COMMANDS: &[Spec] = &[
    cmd("log", "logtext:String,n=N", "mon", "rw", "write a line to the cluster log", log),
    cmd(
        "log last",
        "num:Int,range=1,req=false level:Choices,req=false,strings=debug|info|sec|warn|error channel:Choices,req=false,strings=*|cluster|audit|cephadm",
        "mon",
        "r",
        "last lines of the cluster log",
        last,
    ),
];

fn log(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let line = args.list("logtext").join(" ");
    let rank = EntityName { kind: cx.caller.kind as u8, num: -1 };
    let who = (cx.caller.kind as u32, cx.caller.id.as_str());
    cx.services.log.note(cx.now.wall, who, rank, priority::INFO, line);
    Ok(Reply::default())
}

fn last(cx: &mut Cx<'_>, args: &Args) -> Outcome {
    let count = args.int("num")?.unwrap_or(20).clamp(1, 10_000) as usize;
    let level = match args.text("level").as_deref() {
        Some("debug") => priority::DEBUG,
        Some("sec") => priority::SECURITY,
        Some("warn") => priority::WARN,
        Some("error") => priority::ERROR,
        _ => priority::INFO,
    };
    let channel = args.text("channel").unwrap_or_else(|| "*".into());
    let lines = cx.services.log.last(count, level, &channel);
    let json = || {
        lines
            .iter()
            .map(|e| {
                json!({
                    "name": who(e), "rank": e.rank.to_string(), "addrs": {"addrvec": []},
                    "stamp": text::stamp(e.stamp), "seq": e.seq, "channel": e.channel,
                    "priority": format!("[{}]", level_name(e.priority)), "message": e.text,
                })
            })
            .collect::<Value>()
    };
    answer(args, json, || lines.iter().map(|e| line(e) + "\n").collect())
}
