//! Arguments → command → exit code.

use calico_bgp_exporter::cli::{Cli, Command, LogFormat, ServeArgs};
use calico_bgp_exporter::collect::pod_cidr_file::BadFile;
use calico_bgp_exporter::http::WebConfigError;
use calico_bgp_exporter::{daemon, doctor, log};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::read();
    match cli.command {
        None => serve(cli.serve),
        Some(Command::Doctor(settings)) => doctor::run(settings).unwrap_or_else(|error| {
            say(format_args!("error: {error:#}"));
            ExitCode::from(2)
        }),
    }
}

fn serve(settings: ServeArgs) -> ExitCode {
    let format = settings.log_format;
    let _flush = log::init(settings.log_level, format);
    let Err(error) = daemon::run(settings) else {
        return ExitCode::SUCCESS;
    };
    match format {
        LogFormat::Text => say(format_args!("error: {error:#}")),
        LogFormat::Json => tracing::error!(error = format!("{error:#}"), "ended by an error"),
    }
    // A file that a flag names is a flag's value.
    if error.is::<BadFile>() || error.is::<WebConfigError>() {
        return ExitCode::from(2);
    }
    ExitCode::FAILURE
}

/// An error that cannot be printed (standard error is closed or full) still ends with its exit code.
fn say(error: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{error}");
}
