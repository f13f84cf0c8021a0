//! Which encodings of the table were executed, for those who want to know.
//!
//! With `ELFUSE_JIT_COVERAGE` naming a file, every process appends the names of the rows that it
//! meets, a line each. Rows are met when an instruction is decoded, which is when it is first executed.
#![forbid(unsafe_code)]

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::table;

/// What was met so far in one address space, and in those that it is a copy of.
#[derive(Debug)]
pub(crate) struct Coverage(Option<Log>);

#[derive(Debug)]
struct Log {
    /// Opened to append.
    file: File,
    /// By the row's place in the table.
    met: Vec<AtomicBool>,
}

impl Coverage {
    /// As the environment has it; an error if its file cannot be opened.
    pub(crate) fn from_environment() -> io::Result<Self> {
        let Some(path) = env::var_os("ELFUSE_JIT_COVERAGE") else {
            return Ok(Self(None));
        };
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let met = table::rows().map(|_| AtomicBool::new(false)).collect();
        Ok(Self(Some(Log { file, met })))
    }

    /// The instruction `word` is about to be executed.
    pub(crate) fn note(&self, word: u32) {
        if let Self(Some(log)) = self
            && let Some(found) = table::lookup(word)
        {
            log.note(found.name);
        }
    }
}

impl Log {
    fn note(&self, name: &str) {
        let number = table::rows().position(|row| row.name == name);
        if number.is_some_and(|number| !self.met[number].swap(true, Ordering::Relaxed)) {
            // One write, so that lines of several processes do not mix. That one is lost when the
            // disk is full must not end the guest.
            let _ = (&self.file).write_all(format!("{name}\n").as_bytes());
        }
    }
}
