//! Arguments → command → exit code.

use calico_bgp_exporter::cli::{Cli, Command, LogFormat};
use calico_bgp_exporter::collect::pod_cidr_file::BadFile;
use calico_bgp_exporter::config::{self, BadFlag};
use calico_bgp_exporter::http::WebConfigError;
use calico_bgp_exporter::{daemon, doctor, log};
use clap::Parser;
<<<<<<< HEAD
=======
use std::fmt;
>>>>>>> 7c4fe9d (Log from a thread of its own; files that are not regular are refused; escapes in one place)
use std::io::Write;
use std::process::ExitCode;

/// A bad flag, or a file named by one that cannot be used.
const BAD_FLAG: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None => match config::Serve::new(cli.serve) {
            Ok(settings) => serve(settings),
            Err(bad) => refuse(&bad),
        },
        Some(Command::Doctor(args)) => match config::Doctor::new(args) {
            Ok(settings) => doctor::run(settings).unwrap_or_else(|error| {
<<<<<<< HEAD
                say(format_args!("error: {error:#}"));
=======
                print_error(format_args!("{error:#}"));
>>>>>>> 7c4fe9d (Log from a thread of its own; files that are not regular are refused; escapes in one place)
                ExitCode::from(2)
            }),
            Err(bad) => refuse(&bad),
        },
    }
}

<<<<<<< HEAD
fn outcome(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("error: {error:#}"));
            // A file that a flag names is a flag's value.
            if error.is::<BadFile>() || error.is::<WebConfigError>() {
                return ExitCode::from(2);
            }
            ExitCode::FAILURE
        }
=======
fn serve(settings: config::Serve) -> ExitCode {
    let format = settings.log_format;
    let _flush = log::init(settings.log_level, format);
    let Err(error) = daemon::run(settings) else {
        return ExitCode::SUCCESS;
    };
    match format {
        LogFormat::Text => print_error(format_args!("{error:#}")),
        LogFormat::Json => tracing::error!(error = format!("{error:#}"), "ended by an error"),
>>>>>>> 7c4fe9d (Log from a thread of its own; files that are not regular are refused; escapes in one place)
    }
    if error.is::<BadFile>() || error.is::<WebConfigError>() {
        return ExitCode::from(BAD_FLAG);
    }
    ExitCode::FAILURE
}

fn refuse(bad: &BadFlag) -> ExitCode {
<<<<<<< HEAD
    say(format_args!("error: {bad}\n\nFor all flags, try '--help'."));
    ExitCode::from(2)
=======
    print_error(format_args!("{bad}\n\nFor all flags, try '--help'."));
    ExitCode::from(BAD_FLAG)
}

/// Prints an error where that is possible: the exit code tells the rest.
fn print_error(error: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "error: {error}");
>>>>>>> 7c4fe9d (Log from a thread of its own; files that are not regular are refused; escapes in one place)
}

/// An error that cannot be printed (standard error is closed or full) still ends with its exit code.
fn say(error: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{error}");
}
