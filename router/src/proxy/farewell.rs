//! A last word in clear to whoever is let go before any request was read.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long it may take.
const WITHIN: Duration = Duration::from_secs(1);
/// How much of what they say is read: closing on unread bytes would take the word away.
const BYTES: usize = 64 * 1024;

/// Says `word` and closes, as well as the other side lets it.
pub async fn say(mut stream: TcpStream, word: &[u8]) {
    let said = async {
        stream.write_all(word).await?;
        stream.shutdown().await?;
        read_on(&stream).await
    };
    // Whether it listens is its own affair.
    let _: Result<io::Result<()>, _> = timeout(WITHIN, said).await;
}

async fn read_on(stream: &TcpStream) -> io::Result<()> {
    let (mut read, mut piece) = (0, [0; 4096]);
    while read < BYTES {
        stream.readable().await?;
        match stream.try_read(&mut piece) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
