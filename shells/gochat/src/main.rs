//! GoChat in one process: API, WebSocket and page on one port, with its data in a folder.

mod app;
#[cfg(feature = "migrate")]
mod migrate;

use std::process::ExitCode;

use app::App;

fn main() -> ExitCode {
    gochat_infra::process::program::main::<App>()
}
