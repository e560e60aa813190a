//! One line that says how far something is, for what takes longer than two seconds.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const QUIET: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_millis(200);

/// Shows nothing for the first two seconds, and nothing at all where standard error is no terminal.
pub struct Progress {
    what: String,
    begin: Instant,
    shown: Option<Instant>,
}

impl Progress {
    pub fn new(what: &str) -> Self {
        Self { what: what.to_owned(), begin: Instant::now(), shown: None }
    }
    fn is_due(&self) -> bool {
        self.begin.elapsed() > QUIET
            && self.shown.is_none_or(|s| s.elapsed() > EVERY)
            && std::io::stderr().is_terminal()
    }
    pub fn show(&mut self, state: &str) {
        if self.is_due() {
            self.shown = Some(Instant::now());
            eprint!("\r{}: {state}\x1b[K", self.what);
            let _ = std::io::stderr().flush();
        }
    }
    /// Takes the line away until it is shown again, so that another can be printed.
    pub fn hide(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
    /// A bar: `done` of `all`.
    pub fn bar(&mut self, state: &str, done: u64, all: u64) {
        const WIDTH: u64 = 30;
        if !self.is_due() {
            return;
        }
        let all = all.max(1);
        let (full, percent) = (done.min(all) * WIDTH / all, done.min(all) * 100 / all);
        let bar: String = (0..WIDTH).map(|i| if i < full { '#' } else { '.' }).collect();
        self.show(&format!("{state} [{bar}] {percent}%"));
    }
}
impl Drop for Progress {
    fn drop(&mut self) {
        self.hide();
    }
}
