//! Changes of state: their order against answers, crashes in the middle of them, and restarts.

use crate::world::World;
use messenger::mon_client::MonEvent;
use std::time::Duration;

const CREATE: &str = r#"{"prefix":"osd pool create","pool":"p1","pg_num":8}"#;
const KEY: &str = r#"{"prefix":"auth get-or-create","entity":"client.x","caps":["mon","allow r"]}"#;
const OPTION: &str =
    r#"{"prefix":"config set","who":"osd","name":"osd_max_backfills","value":"3"}"#;
const LINE: &str = r#"{"prefix":"log","logtext":["it","is","written"]}"#;

#[test]
fn followers_have_a_change_before_its_author_hears_of_it() {
    let mut w = World::new(3);
    let (author, follower) = (w.add_follower(), w.add_follower());
    // A quick disk, and a slow one.
    for slow in [false, true] {
        w.slow_disk = slow;
        let command = if slow { CREATE.replace("p1", "p2") } else { CREATE.to_owned() };
        w.heard.clear();
        let before = w.epoch();
        let id = w.ask(author, &command);
        w.run();
        if slow {
            assert_eq!(w.epoch(), before);
            assert!(w.heard.is_empty(), "nothing is said before it is written: {:?}", w.heard);
            w.after(Duration::from_secs(5));
            assert!(w.heard.is_empty(), "{:?}", w.heard);
            w.write_all();
        }
        let answer = w.position_of_answer(author, id).expect("an answer");
        for peer in [author, follower] {
            let newer = |e: &MonEvent| matches!(e, MonEvent::OsdMap(u) if u.newest > before);
            let map = w.heard.iter().position(|(p, e)| *p == peer && newer(e));
            assert!(map.expect("the map came") < answer, "peer {peer}: {:?}", w.heard);
            let pools = &w.peers[peer].map.as_ref().expect("a map").pool_names;
            assert_eq!(pools.len(), 1 + usize::from(slow));
        }
        // As an incremental, not as a whole map.
        let whole = |e: &MonEvent| matches!(e, MonEvent::OsdMap(u) if !u.fulls.is_empty());
        assert!(!w.heard.iter().any(|(_, e)| whole(e)));
    }
}

#[test]
fn what_comes_while_one_change_is_written_waits_and_becomes_the_next() {
    let mut w = World::new(1);
    let author = w.add_follower();
    w.slow_disk = true;
    let first = w.ask(author, CREATE);
    w.run();
    let rest: Vec<_> = [KEY, OPTION, LINE].map(|c| w.ask(author, c)).into();
    w.run();
    assert_eq!(w.unwritten.len(), 1);
    // Reading goes on, and sees what is committed.
    assert_eq!(w.command(author, r#"{"prefix":"osd pool ls"}"#).1.trim(), "");
    let id = w.write_one();
    assert!(w.position_of_answer(author, first).is_none());
    w.persisted(id);
    assert!(w.position_of_answer(author, first).is_some());
    assert_eq!(w.unwritten.len(), 1, "the three go together");
    assert!(rest.iter().all(|id| w.position_of_answer(author, *id).is_none()));
    w.write_all();
    assert!(rest.iter().all(|id| w.position_of_answer(author, *id).is_some()));
}

/// What the four commands leave, as seen by a client: pool, key, option, line.
fn traces(w: &mut World, peer: usize) -> [bool; 4] {
    let pools = w.command(peer, r#"{"prefix":"osd pool ls"}"#).1;
    let key = w.command(peer, r#"{"prefix":"auth get","entity":"client.x"}"#).0;
    let option = w.command(peer, r#"{"prefix":"config dump"}"#).1;
    let lines = w.command(peer, r#"{"prefix":"log last","num":20}"#).1;
    [
        pools.lines().any(|l| l == "p1"),
        key == 0,
        option.contains("osd_max_backfills"),
        lines.contains("it is written"),
    ]
}

#[test]
fn a_crash_in_the_middle_of_a_write_leaves_all_of_it_or_nothing() {
    for written in [false, true] {
        let mut w = World::new(1);
        let author = w.add_client();
        assert_eq!(traces(&mut w, author), [false; 4]);
        w.slow_disk = true;
        let asked = [CREATE, KEY, OPTION, LINE].map(|c| w.ask(author, c));
        w.run();
        assert_eq!(w.unwritten.len(), 1, "what comes together is one entry");
        if written {
            // The disk has it, the monitor has not heard of it.
            w.write_one();
        }
        w.crash_monitor();
        for id in asked {
            assert!(w.position_of_answer(author, id).is_none(), "nothing was acknowledged");
        }
        w.slow_disk = false;
        // The author is away, so that nothing is asked again.
        asked.iter().for_each(|id| w.peers[author].mon.cancel(*id));
        w.start_monitor();
        let reader = w.add_client();
        assert_eq!(traces(&mut w, reader), [written; 4]);
    }
}

#[test]
fn a_crash_does_not_lose_a_question() {
    let mut w = World::new(1);
    let author = w.add_follower();
    w.slow_disk = true;
    let id = w.ask(author, CREATE);
    w.run();
    w.write_one();
    w.crash_monitor();
    w.slow_disk = false;
    w.start_monitor();
    w.after(Duration::from_secs(3));
    let at = w.position_of_answer(author, id).expect("it was asked again");
    // The pool is there from the first time.
    let MonEvent::Command { result, status, .. } = &w.heard[at].1 else { unreachable!() };
    assert_eq!((*result, status.as_str()), (0, "pool 'p1' already exists"));
    let map = w.peers[author].map.as_ref().expect("a map");
    assert_eq!(map.pool_names.len(), 1);
}

#[test]
fn a_restart_keeps_everything() {
    let mut w = World::new(3);
    let author = w.add_client();
    for command in [
        CREATE,
        KEY,
        OPTION,
        LINE,
        r#"{"prefix":"osd pool create","pool":"gone","pg_num":8}"#,
        r#"{"prefix":"config set","who":"global","name":"mon_allow_pool_delete","value":"true"}"#,
        r#"{"prefix":"osd pool delete","pool":"gone","pool2":"gone","yes_i_really_really_mean_it":true}"#,
        r#"{"prefix":"osd pool set","pool":"p1","var":"size","val":"2"}"#,
        r#"{"prefix":"osd pool application enable","pool":"p1","app":"rbd"}"#,
        r#"{"prefix":"osd out","ids":["1"]}"#,
        r#"{"prefix":"osd set","key":"noout"}"#,
        r#"{"prefix":"osd crush add-bucket","name":"rack1","type":"rack"}"#,
        r#"{"prefix":"config-key set","key":"k","val":"v"}"#,
        r#"{"prefix":"osd blocklist","blocklistop":"add","addr":"10.0.0.9:0/1"}"#,
    ] {
        let (code, said) = w.command(author, command);
        assert_eq!(code, 0, "{command}: {said}");
    }
    let seen = |w: &mut World, peer| {
        [
            "osd dump",
            "osd crush dump",
            "osd getmap",
            "osd pool ls",
            "auth ls",
            "config dump",
            "config-key ls",
            "mon dump",
            "log last",
        ]
        .map(|prefix| {
            (prefix, w.command(peer, &format!(r#"{{"prefix":"{prefix}","format":"json"}}"#)))
        })
    };
    let rotating = |w: &World| w.monitor().services().auth.rotating(crate::world::OSD).cloned();
    let (before, secrets) = (seen(&mut w, author), rotating(&w));
    assert!(before.iter().all(|(_, (code, _))| *code == 0), "{before:?}");
    for _ in 0..2 {
        w.crash_monitor();
        w.start_monitor();
        w.after(Duration::from_secs(2));
        assert_eq!(seen(&mut w, author), before);
        assert_eq!(rotating(&w), secrets);
    }
}
