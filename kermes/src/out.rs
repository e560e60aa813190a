//! Standard output whose reader may go away: `kermes store list | head`.

use std::io::{ErrorKind, Stdout, Write};

/// What a shell reports of a program that a closed pipe has ended: 128 + SIGPIPE.
const CLOSED: i32 = 141;

/// Ends the program quietly where `println!` would panic because nobody reads any more. Other
/// panics are reported as ever.
pub fn end_quietly_when_closed() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>().map_or("", String::as_str);
        if text.starts_with("failed printing to stdout") && text.contains("os error 32") {
            std::process::exit(CLOSED);
        }
        report(info);
    }));
}

/// Many lines to standard output, written together.
pub struct Lines(std::io::BufWriter<Stdout>);

impl Lines {
    pub fn new() -> Self {
        Self(std::io::BufWriter::with_capacity(64 << 10, std::io::stdout()))
    }
    pub fn line(&mut self, line: impl std::fmt::Display) -> std::io::Result<()> {
        or_end(writeln!(self.0, "{line}"))
    }
    pub fn flush(&mut self) -> std::io::Result<()> {
        or_end(self.0.flush())
    }
}

fn or_end(result: std::io::Result<()>) -> std::io::Result<()> {
    if let Err(e) = &result
        && e.kind() == ErrorKind::BrokenPipe
    {
        std::process::exit(CLOSED);
    }
    result
}
