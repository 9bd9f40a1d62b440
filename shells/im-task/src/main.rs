//! What takes long: fan-out to large groups, notifications, moderation.

mod app;
mod hooks;

use std::process::ExitCode;

use app::App;

fn main() -> ExitCode {
    gochat_infra::process::program::main::<App>()
}
