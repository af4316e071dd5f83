//! A socket that answers as the recorded daemon did.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;

pub struct Socket {
    pub path: PathBuf,
    _folder: tempfile::TempDir,
}

/// Serves until the runtime ends.
pub fn serve(scenario: &Path) -> Socket {
    let folder = tempfile::tempdir().unwrap();
    // The folder's name tells a BIRD 1 for IPv6 from one for IPv4, as Calico's file names do.
    let six = scenario.to_str().unwrap().contains("bird6");
    let path = folder
        .path()
        .join(if six { "bird6.ctl" } else { "bird.ctl" });
    let listener = UnixListener::bind(&path).unwrap();
    let answers = Arc::new(answers(scenario));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            tokio::spawn(async move {
                let (reader, mut writer) = stream.into_split();
                let mut lines = BufReader::new(reader).lines();
                writer.write_all(&answers["greeting"]).await.ok();
                while let Ok(Some(command)) = lines.next_line().await {
                    let answer = answers
                        .get(&command)
                        .map_or(&b"9001 syntax error\n"[..], Vec::as_slice);
                    if writer.write_all(answer).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    Socket {
        path,
        _folder: folder,
    }
}

fn answers(scenario: &Path) -> HashMap<String, Vec<u8>> {
    let mut answers =
        HashMap::from([("restrict".to_owned(), b"0016 Access restricted\n".to_vec())]);
    for command in [
        "show status",
        "show protocols all",
        "show route all",
        "show route export kernel1",
    ] {
        let file = scenario.join(format!("{}.txt", command.replace(' ', "_")));
        let Ok(recorded) = std::fs::read(file) else {
            continue;
        };
        // A recording begins with the greeting.
        let end = recorded.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        answers.insert("greeting".to_owned(), recorded[..end].to_vec());
        answers.insert(command.to_owned(), recorded[end..].to_vec());
    }
    answers
}
