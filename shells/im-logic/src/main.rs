//! The rules: calls of the gateways, and the pipeline of messages.

mod app;

use std::process::ExitCode;

use app::App;

fn main() -> ExitCode {
    gochat_infra::process::program::main::<App>()
}
