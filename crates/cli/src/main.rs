//! The binary `bluegate`: the command tree, wiring, terminal output and exit
//! codes. What the commands do lies in the crates below.

mod admin_command;
mod arguments;
mod callback_command;
mod config_command;
mod demo_command;
mod doctor_command;
mod exit;
mod export_command;
mod meeting_command;
mod node_command;
mod progress;
mod recording_command;
mod report;
mod routes_command;
mod runtime;
mod scalelite_command;
mod serve;
mod shadow_command;
mod shell_command;
mod store_command;
mod table;
mod tenant_command;
mod token_command;

use clap::Parser as _;

use crate::{
    arguments::{Arguments, Command, ExportCommand, To},
    exit::Exit,
};

fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::of_clap(&error),
    };
    report::start_log(arguments.verbose, matches!(arguments.command, Command::Serve { .. }));
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        unreachable!("nothing before this line installs a provider");
    }
    let outcome = match arguments.command {
        Command::Demo(options) => demo_command::run(options),
        Command::Serve { config, shadow } if shadow.shadow => shadow_command::run(&config, &shadow),
        Command::Serve { config, .. } => serve::run(&config),
        Command::Config(command) => config_command::run(command),
        Command::Doctor(options) => doctor_command::run(&options),
        Command::Export(ExportCommand { to: Some(To::Scalelite(options)), .. }) => {
            scalelite_command::export(&options)
        }
        Command::Export(ExportCommand { software: Some(options), .. }) => {
            export_command::run(&options)
        }
        Command::Export(_) => unreachable!("clap wants one of the two"),
        Command::Store(command) => store_command::run(&command),
        Command::Import(command) => scalelite_command::import(&command),
        Command::Node(command) => node_command::run(&command),
        Command::Meeting(command) => meeting_command::run(command),
        Command::Cache(command) => admin_command::cache(command),
        Command::Routes(command) => routes_command::run(command),
        Command::Tenant(command) => tenant_command::run(command),
        Command::Callback(command) => callback_command::run(command),
        Command::Recording(command) => recording_command::run(command),
        Command::Token(command) => token_command::run(command),
        Command::Audit(options) => token_command::audit(options),
        Command::Completion { shell } => shell_command::completion(shell),
        Command::Man { folder } => shell_command::man(&folder),
    };
    outcome.unwrap_or_else(|error| report::error(&error)).into()
}

/// What a command comes to: an exit, or the error to report.
type Outcome = Result<Exit, anyhow::Error>;
