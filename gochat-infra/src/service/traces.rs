//! Where the spans of a process go.

use slog::Logger;

use super::options;
use crate::process::config::Config;
use crate::runtime::Supervisor;
use crate::runtime::metrics::Metrics;
use crate::runtime::trace::Tracer;

/// Records to the collector that the settings name; without one, nothing. It may be away.
///
/// # Errors
/// A setting.
#[cfg(feature = "otel")]
pub(super) fn start(
    service: &str,
    instance: &str,
    config: &Config,
    supervisor: &Supervisor,
    metrics: &Metrics,
    log: &Logger,
) -> anyhow::Result<Tracer> {
    use std::sync::Arc;

    use crate::runtime::trace::otlp::{Otlp, OtlpConfig};

    let Some(endpoint) = options::collector(config)? else { return Ok(Tracer::default()) };
    let exporter = Otlp::start(OtlpConfig::new(endpoint, service, instance), supervisor, metrics, log)?;
    Ok(Tracer::new(Arc::new(exporter), config.trace.sample.0))
}

/// Nothing is recorded by a build that can't.
///
/// # Errors
/// A collector is named.
#[cfg(not(feature = "otel"))]
pub(super) fn start(
    _: &str,
    _: &str,
    config: &Config,
    _: &Supervisor,
    _: &Metrics,
    _: &Logger,
) -> anyhow::Result<Tracer> {
    options::collector(config)?;
    Ok(Tracer::default())
}
