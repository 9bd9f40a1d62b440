//! A blocking HTTP/1.1 client on one kept connection: enough for setting a scene and for timing pages.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

pub(crate) struct Http {
    to: SocketAddr,
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    /// The body of the last answer.
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn connect(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to).with_context(|| format!("cannot connect to {to}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            to,
            stream: BufReader::with_capacity(64 * 1024, stream),
            request: Vec::new(),
            body: Vec::new(),
        })
    }

    /// Sends a request, and returns the status; the answer is in [`Self::body`].
    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        json: &str,
    ) -> anyhow::Result<u16> {
        self.request.clear();
        write!(self.request, "{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.to)?;
        if let Some(token) = token {
            write!(self.request, "Authorization: Bearer {token}\r\n")?;
        }
        if !json.is_empty() {
            write!(self.request, "Content-Type: application/json\r\n")?;
        }
        write!(self.request, "Content-Length: {}\r\n\r\n{json}", json.len())?;
        self.stream.get_mut().write_all(&self.request)?;
        self.answer()
    }

    fn answer(&mut self) -> anyhow::Result<u16> {
        let mut line = String::new();
        self.line(&mut line)?;
        let status: u16 = line.get(9..12).and_then(|code| code.parse().ok()).context("no status line")?;
        let (mut length, mut chunked) = (0, false);
        loop {
            self.line(&mut line)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').context("no header line")?;
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.trim().eq_ignore_ascii_case("chunked");
            }
        }
        self.body.clear();
        loop {
            if chunked {
                self.line(&mut line)?;
                length = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16)?;
            }
            let start = self.body.len();
            self.body.resize(start + length, 0);
            self.stream.read_exact(&mut self.body[start..])?;
            if !chunked {
                return Ok(status);
            }
            self.line(&mut line)?;
            if length == 0 {
                return Ok(status);
            }
        }
    }

    fn line(&mut self, line: &mut String) -> anyhow::Result<()> {
        line.clear();
        ensure!(self.stream.read_line(line)? > 0, "the server closed the connection");
        line.truncate(line.trim_end().len());
        Ok(())
    }

    /// As [`Self::call`], for answers that must be `2xx` JSON.
    pub(crate) fn json(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> anyhow::Result<serde_json::Value> {
        let status = self.call(method, path, token, body)?;
        if !(200..300).contains(&status) {
            bail!("{method} {path}: {status} {}", String::from_utf8_lossy(&self.body));
        }
        serde_json::from_slice(&self.body).with_context(|| format!("{method} {path}: not JSON"))
    }
}
