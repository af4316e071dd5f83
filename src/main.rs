//! Arguments → command → exit code.

use calico_bgp_exporter::cli::{Cli, Command, LogFormat};
use calico_bgp_exporter::collect::pod_cidr_file::BadFile;
use calico_bgp_exporter::http::WebConfigError;
use calico_bgp_exporter::log::{self, LogThread};
use calico_bgp_exporter::probe::{self, BadKeyFile};
use calico_bgp_exporter::{daemon, doctor};
use std::process::ExitCode;
use tracing::Level;

fn main() -> ExitCode {
    let cli = Cli::read();
    match cli.command {
        None => {
            let (level, format) = (cli.serve.log_level, cli.serve.log_format);
            serve(level, format, |log| daemon::run(cli.serve, log))
        }
        Some(Command::Probe(args)) => {
            let (level, format) = (args.log_level, args.log_format);
            serve(level, format, |log| probe::run(*args, log))
        }
        Some(Command::Doctor(settings)) => doctor::run(*settings).unwrap_or_else(|error| {
            log::say(format_args!("error: {error:#}"));
            ExitCode::from(2)
        }),
    }
}

/// Runs a program that logs and ends by a signal.
fn serve(
    level: Level,
    format: LogFormat,
    program: impl FnOnce(&mut LogThread) -> anyhow::Result<()>,
) -> ExitCode {
    let mut log = log::init(level, format);
    let Err(error) = program(&mut log) else {
        return ExitCode::SUCCESS;
    };
    match format {
        LogFormat::Text => log::say(format_args!("error: {error:#}")),
        LogFormat::Json => tracing::error!(error = format!("{error:#}"), "ended by an error"),
    }
    // A file that a flag names is a flag's value.
    if error.is::<BadFile>() || error.is::<WebConfigError>() || error.is::<BadKeyFile>() {
        return ExitCode::from(2);
    }
    ExitCode::FAILURE
}
