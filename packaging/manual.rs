//! manual DIRECTORY VERSION: man pages and shell completions, made from the command line's own description.

use calico_bgp_exporter::cli::Cli;
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(directory), Some(version)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: manual DIRECTORY VERSION"));
    };
    let directory = PathBuf::from(directory);
    let version: &'static str = version.leak();
    let command = || {
        Cli::command()
            .display_name("calico-bgp-exporter")
            .version(version)
    };
    let pages = directory.join("man");
    fs::create_dir_all(&pages)?;
    clap_mangen::generate_to(command(), &pages)?;
    let scripts = directory.join("completions");
    fs::create_dir_all(&scripts)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command(), "calico-bgp-exporter", &scripts)?;
    }
    Ok(())
}
