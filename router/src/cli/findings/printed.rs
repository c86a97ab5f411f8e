//! Standard output of a command whose reader may leave early, as `head` does.
//!
//! Then what is left to say is said to nobody: no error, and the exit code stays what it would have been.

use std::io::{self, ErrorKind, StdoutLock, Write};

/// Standard output; what is written after its reader has left is dropped.
#[derive(Debug)]
pub struct Printed<W = StdoutLock<'static>>(W);

impl Printed {
    /// The standard output of this process.
    #[must_use]
    pub fn new() -> Self {
        Self(io::stdout().lock())
    }
}

impl Default for Printed {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: Write> Write for Printed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_left(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_left(self.0.flush(), ())
    }
}

fn unless_left<T>(result: io::Result<T>, done: T) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(done),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that has left, or a disk that is full.
    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_has_left_is_no_error_and_a_full_disk_is() {
        let left =
            |kind| writeln!(Printed(Failing(kind)), "text").and_then(|()| Printed(Failing(kind)).flush());
        assert!(left(ErrorKind::BrokenPipe).is_ok());
        assert_eq!(left(ErrorKind::StorageFull).unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
