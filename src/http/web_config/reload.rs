//! The file and what it names, read again when they change: certificates are rotated under a running process.

use super::file::{WebConfigError, WebConfigFile, at};
use super::{Active, limit::Limiter};
use crate::watched_file::{self, Files};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How often the files are compared with what was read.
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// The web configuration in force.
#[derive(Debug)]
pub struct WebConfig {
    path: Option<PathBuf>,
    active: Mutex<Arc<Active>>,
    files: Mutex<Files>,
    at_once: Arc<Notify>,
}

impl WebConfig {
    /// No file: plain HTTP for everyone.
    pub fn none() -> Self {
        WebConfig {
            path: None,
            active: Mutex::default(),
            files: Mutex::default(),
            at_once: Arc::default(),
        }
    }

    /// The file at `path` and what it names.
    pub fn load(path: &Path) -> Result<Self, WebConfigError> {
        let mut files = Files::default();
        let active = read(path, &mut files).map_err(|reason| WebConfigError {
            path: path.to_owned(),
            reason,
        })?;
        Ok(WebConfig {
            path: Some(path.to_owned()),
            active: Mutex::new(Arc::new(active)),
            files: Mutex::new(files),
            at_once: Arc::default(),
        })
    }

    /// Whether it offers TLS now.
    pub fn is_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.current().tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// The file and those that it names.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files().paths().map(Path::to_owned).collect()
    }

    /// A handle that has the files read at once when it is notified.
    pub fn reload_handle(&self) -> Arc<Notify> {
        Arc::clone(&self.at_once)
    }

    /// What is in force: the newest that was any good.
    pub(in crate::http) fn current(&self) -> Arc<Active> {
        Arc::clone(&self.active.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again when they change. `close` is called when connections of before have to end.
    pub(in crate::http) async fn watch(&self, close: impl Fn()) -> Infallible {
        let Some(path) = &self.path else {
            return std::future::pending().await;
        };
        let shown = path.display();
        loop {
            let at_once = tokio::select! {
                () = tokio::time::sleep(CHECK_EVERY) => false,
                () = self.at_once.notified() => true,
            };
            let path = path.clone();
            let mut files = std::mem::take(&mut *self.files());
            // A file system that hangs delays the reload and nothing else.
            let checked = tokio::task::spawn_blocking(move || {
                if !files.changed() && !at_once {
                    return (files, None);
                }
                let mut now = files.renewed();
                let active = read(&path, &mut now);
                // A file that was not reached because of an error is watched on.
                now.add_missing(&files);
                (now, Some(active))
            });
            let Ok((files, active)) = checked.await else {
                continue;
            };
            *self.files() = files;
            let Some(active) = active else { continue };
            let before = self.current();
            match active.and_then(|active| replacement(active, &before)) {
                Ok(active) => {
                    let active = Arc::new(active);
                    self.files().succeed();
                    *self.active.lock().unwrap_or_else(PoisonError::into_inner) =
                        Arc::clone(&active);
                    tracing::info!(path = %shown, "web configuration read again");
                    if active.demands_new_connections(&before) {
                        close();
                    }
                }
                Err(reason) => {
                    if self.files().fail(&reason) || at_once {
                        tracing::error!(
                            path = %shown,
                            reason,
                            "the web configuration has changed and cannot be used; the last good one stays"
                        );
                    }
                }
            }
        }
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `new` in the place of `old`, unless it opens what was closed: a file that was emptied, or cut at a full disk,
/// is more likely than somebody who wants that.
fn replacement(mut new: Active, old: &Active) -> Result<Active, String> {
    let mut lost = old.guards.clone();
    lost.retain(|guard| !new.guards.contains(guard));
    if !lost.is_empty() {
        return Err(format!(
            "it has no {} any more: restart to serve without",
            lost.join(", ")
        ));
    }
    new.after(old);
    Ok(new)
}

/// Reads everything; `files` are those that were looked at, each as it was just before.
fn read(path: &Path, files: &mut Files) -> Result<Active, String> {
    files.add(path);
    let text =
        watched_file::read_text(path, watched_file::LARGEST).map_err(|error| error.to_string())?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let file = WebConfigFile::parse(&text, directory)?;
    let mut active = Active {
        guards: file.guards(),
        ..Active::default()
    };
    if let Some(headers) = file.http_server_config.and_then(|http| http.headers) {
        active.headers.extend(headers.pairs());
    }
    active.limiter = file.rate_limit.and_then(Limiter::new);
    #[cfg(feature = "tls")]
    {
        active.users = super::users::Users::new(file.basic_auth_users.unwrap_or_default());
        if let Some(section) = file.tls_server_config.filter(|section| section.enabled()) {
            let config = tls(&section, files)
                .map_err(|(key, reason)| format!("{}{key}: {reason}", at(&text, key)))?;
            active.tls = Some(Arc::new(config));
        }
    }
    #[cfg(not(feature = "tls"))]
    let _ = at;
    Ok(active)
}

#[cfg(feature = "tls")]
fn tls(
    section: &super::file::TlsSection,
    files: &mut Files,
) -> Result<rustls::ServerConfig, (&'static str, String)> {
    let mut contents = |key, path: &Option<PathBuf>, inline: Option<&String>| {
        let Some(path) = path else {
            return Ok(inline.map(|text| text.clone().into_bytes()));
        };
        files.add(path);
        watched_file::read(path, watched_file::LARGEST)
            .map(Some)
            .map_err(|error| (key, format!("{}: {error}", path.display())))
    };
    let key = section.key.as_ref().map(|secret| &secret.0);
    let material = super::tls::Material {
        cert: contents("cert_file", &section.cert_file, section.cert.as_ref())?.unwrap_or_default(),
        key: contents("key_file", &section.key_file, key)?.unwrap_or_default(),
        client_ca: contents(
            "client_ca_file",
            &section.client_ca_file,
            section.client_ca.as_ref(),
        )?,
    };
    super::tls::server_config(section, &material)
}
