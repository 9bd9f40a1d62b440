//! What is sent: commands and scripts on keys of one hash tag.

use std::fmt;

use ::redis::{Arg, Cmd, Script, ToRedisArgs};

use super::keys::Key;

/// A script, called by its digest; its text is sent only to a server that has lost it.
pub(super) struct Lua {
    text: &'static str,
    digest: String,
}

impl Lua {
    pub(super) fn new(text: &'static str) -> Self {
        Self { text, digest: Script::new(text).get_hash().to_owned() }
    }

    /// A call of it. Arguments follow.
    pub(super) fn on<const N: usize>(&self, keys: [&Key; N]) -> Command {
        self.on_all(&keys)
    }

    /// As [`on`](Self::on), with any number of keys, one at least.
    pub(super) fn on_all(&self, keys: &[&Key]) -> Command {
        let mut cmd = ::redis::cmd("EVALSHA");
        cmd.arg(&self.digest).arg(keys.len());
        for key in keys {
            cmd.arg(&key.name);
        }
        debug_assert!(keys.iter().all(|key| key.tag == keys[0].tag), "keys of one tag");
        Command { cmd, tag: keys[0].tag, text: Some(self.text) }
    }
}

impl fmt::Debug for Lua {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lua").field(&self.digest).finish()
    }
}

/// One command, or one call of a script.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) cmd: Cmd,
    /// Equal for commands that may go to one node together.
    pub(super) tag: u64,
    text: Option<&'static str>,
}

impl Command {
    pub(super) fn new(name: &str, key: &Key) -> Self {
        let mut cmd = ::redis::cmd(name);
        cmd.arg(&key.name);
        Self { cmd, tag: key.tag, text: None }
    }

    pub(super) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        self.cmd.arg(arg);
        self
    }

    /// The same call of a script with its text, for a server that does not have it.
    pub(super) fn spelled_out(&self) -> Option<Self> {
        let mut cmd = ::redis::cmd("EVAL");
        cmd.arg(self.text?);
        for arg in self.cmd.args_iter().skip(2) {
            if let Arg::Simple(bytes) = arg {
                cmd.arg(bytes);
            }
        }
        Some(Self { cmd, tag: self.tag, text: self.text })
    }
}
