//! A collector: the trace service of OTLP, which keeps what it gets.

use std::time::Duration;

use gochat_infra::grpc::serve::{Routes, ServeConfig, serve};
use gochat_infra::runtime::Supervisor;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use crate::processes::log;

/// A span that came.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) service: String,
    pub(crate) instance: String,
    pub(crate) span: Span,
}

/// Where spans are sent to.
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    spans: mpsc::Receiver<Collected>,
    supervisor: Supervisor,
}

struct Service(mpsc::Sender<Collected>);

fn named(resource: Option<&Resource>, key: &str) -> String {
    let found = resource.and_then(|r| r.attributes.iter().find(|a| a.key == key));
    match found.and_then(|a| a.value.as_ref()).and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("{key} is {other:?}"),
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for of in request.into_inner().resource_spans {
            let (service, instance) = (
                named(of.resource.as_ref(), "service.name"),
                named(of.resource.as_ref(), "service.instance.id"),
            );
            for span in of.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let one = Collected { service: service.clone(), instance: instance.clone(), span };
                self.0.send(one).await.map_err(|_| Status::cancelled("the test is over"))?;
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let (sender, spans) = mpsc::channel(1_000);
        let supervisor = Supervisor::new(&log());
        let routes = Routes::new(TraceServiceServer::new(Service(sender)));
        serve(listener, routes, &ServeConfig::default(), &supervisor, &log()).expect("descriptors");
        Self { endpoint, spans, supervisor }
    }

    /// Everything that has come.
    pub(crate) fn all(&mut self) -> Vec<Collected> {
        std::iter::from_fn(|| self.spans.try_recv().ok()).collect()
    }

    pub(crate) async fn stop(self) {
        assert!(self.supervisor.shutdown(Duration::from_secs(20)).await.is_clean());
    }
}
