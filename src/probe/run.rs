//! The program: one task owns sockets and state, discovery and HTTP run beside it, signals end it.

use super::content::{Ask, ProbeContent};
use super::discovery::{self, Found};
use super::families::Families;
use super::key_file::KeyFile;
use super::peer::Node;
use super::prober::Settings;
use super::{choice::Fanout, socket};
use crate::cli::ProbeArgs;
use crate::http::{self, Limits, Server, WebConfig};
use crate::log::LogThread;
use crate::metrics::Labels;
use crate::sandbox::Network;
use crate::service;
use anyhow::{Context, Result, bail};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, mpsc};

/// Scrapes that wait for the state.
const WAITING: usize = 64;
/// The key file is looked at so often.
const KEY_FILE_INTERVAL: Duration = Duration::from_secs(5);
/// The longest and the shortest sleep of the probing task.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
const SHORTEST_SLEEP: Duration = Duration::from_millis(20);

/// Runs until SIGTERM or SIGINT.
pub fn run(args: ProbeArgs, log: &mut LogThread) -> Result<()> {
    let limits = service::limits()?;
    let runtime = service::runtime()?;
    let result = runtime.block_on(serve(args, limits, log));
    // Not for a DNS query that runs: it may take long, and nobody gets the answer.
    runtime.shutdown_background();
    result
}

async fn serve(args: ProbeArgs, limits: Limits, log: &mut LogThread) -> Result<()> {
    let web_config = match &args.web_config {
        Some(path) => WebConfig::load(path)?,
        None => WebConfig::none(),
    };
    let key_file = args.key_file.as_deref().map(KeyFile::load).transpose()?;
    let node = node(&args)?;
    let listeners = http::bind(&args.listen)?;
    let sockets = socket::bind(&args.probe_listen)
        .with_context(|| format!("cannot listen on {} (UDP)", args.probe_listen))?;
    tracing::info!(
        version = crate::build_info::VERSION,
        node = %node.name,
        udp = %args.probe_listen,
        "calico-bgp-exporter probe started"
    );

    let (ask, asked) = mpsc::channel(WAITING);
    let content = ProbeContent::new(
        ask,
        Labels {
            node: Arc::clone(&node.name),
        },
    );
    let reloading = service::reload_on_hangup(web_config.reload_handle())?;
    let ended = service::ended()?;
    if args.sandbox {
        let mut files = web_config.paths();
        files.extend(args.key_file.clone());
        // getaddrinfo(3) reads these; what else it reads is in the same directory.
        files.push("/etc/resolv.conf".into());
        service::enter_sandbox(&files, Network::Ip);
    }
    service::start_threads(log).await?;
    let server = Server::with_content(listeners, content, args.telemetry_path.clone())
        .with_web_config(web_config)
        .with_limits(limits)
        .run(std::future::pending());
    let settings = Settings {
        node,
        boot: boot_number(),
        fanout: Fanout::new(args.fanout.into()),
        interval: args.interval,
    };
    let mut probing = Probing {
        start: Instant::now(),
        families: Families::new(settings, sockets, args.detail),
        fixed: args.peer.clone(),
        early: Arc::new(Notify::new()),
        key_file,
    };
    tokio::select! {
        () = probing.run(args.peers_dns.clone(), asked) => {}
        () = server => {}
        () = reloading => {}
        () = ended => {}
    }
    probing.families.goodbye(probing.start.elapsed());
    tracing::info!("ended");
    Ok(())
}

/// What this process says of its node.
fn node(args: &ProbeArgs) -> Result<Node> {
    let mut address_v4: Option<Ipv4Addr> = None;
    let mut address_v6: Option<Ipv6Addr> = None;
    for address in &args.node_address {
        let second = match address {
            IpAddr::V4(address) => address_v4.replace(*address).is_some(),
            IpAddr::V6(address) => address_v6.replace(*address).is_some(),
        };
        if second {
            bail!("--probe.node-address {address}: the second address of its family");
        }
    }
    Ok(Node {
        name: args.node.as_str().into(),
        address_v4,
        address_v6,
    })
}

/// A number that no other process has; never 0. The standard library seeds its hashers with random numbers of the kernel.
fn boot_number() -> u64 {
    RandomState::new().hash_one(std::process::id()).max(1)
}

/// The task that asks and answers.
struct Probing {
    start: Instant,
    families: Families,
    /// `--probe.peer`.
    fixed: Vec<IpAddr>,
    /// Asks discovery for an early query.
    early: Arc<Notify>,
    key_file: Option<KeyFile>,
}

impl Probing {
    async fn run(&mut self, peers_dns: Option<String>, mut asked: mpsc::Receiver<Ask>) {
        let (find, mut found) = mpsc::channel::<Found>(1);
        let with_dns = peers_dns.is_some();
        if let Some(name) = peers_dns {
            tokio::spawn(discovery::run(name, Arc::clone(&self.early), find));
        }
        self.families.set_discovery_up(with_dns.then_some(false));
        self.apply_keys();
        if !self.fixed.is_empty() {
            self.families.set_members(self.start.elapsed(), &self.fixed);
        }
        let mut keys_checked = Duration::ZERO;
        loop {
            let now = self.start.elapsed();
            if now.saturating_sub(keys_checked) >= KEY_FILE_INTERVAL {
                keys_checked = now;
                if self.key_file.as_mut().is_some_and(KeyFile::reload) {
                    self.apply_keys();
                }
            }
            self.families.poll(now, unix_time());
            if self.families.take_unknown_sender() {
                self.early.notify_one();
            }
            let sleep = self.families.next_question().map_or(LONGEST_SLEEP, |at| {
                at.saturating_sub(now).clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
            });
            tokio::select! {
                () = self.families.readable() => {
                    self.families.receive(self.start.elapsed());
                }
                () = tokio::time::sleep(sleep) => {}
                Some(found) = found.recv() => self.discovered(found),
                Some(ask) = asked.recv() => {
                    // A client that went away needs no answer.
                    let _ = ask.send(Arc::new(self.families.report(self.start.elapsed())));
                }
            }
        }
    }

    fn discovered(&mut self, found: Found) {
        self.families.set_discovery_up(Some(found.is_some()));
        if let Some(mut members) = found {
            members.extend(&self.fixed);
            self.families.set_members(self.start.elapsed(), &members);
        }
    }

    fn apply_keys(&mut self) {
        if let Some(file) = &self.key_file {
            self.families.set_keys(file.keys());
        }
    }
}

fn unix_time() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}
