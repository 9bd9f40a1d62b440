//! The client contract over the other services: HTTP as calls, messages as records.

mod app;

use std::process::ExitCode;

use app::App;

fn main() -> ExitCode {
    gochat_infra::process::program::main::<App>()
}
