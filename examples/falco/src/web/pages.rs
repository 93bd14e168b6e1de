//! Pages of the web server.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::config::Webserver;
use crate::health::Health;
use crate::metrics::{self, Meter};
use crate::versions;

/// The pages of the web server.
pub struct Pages {
    /// Path of the health page.
    healthz: String,
    health: Health,
    metrics: Option<Arc<Meter>>,
}

impl Pages {
    /// The configured pages.
    pub fn new(config: &Webserver, health: Health, meter: Option<&Arc<Meter>>) -> Self {
        Self {
            healthz: config.k8s_healthz_endpoint.clone(),
            health,
            metrics: meter.filter(|_| config.prometheus_metrics_enabled).cloned(),
        }
    }

    /// The response to a request.
    pub async fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let found =
            path == self.healthz || path == "/versions" || (path == "/metrics" && self.metrics.is_some());
        if !found {
            return page(StatusCode::NOT_FOUND, "text/plain", "no such page\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = page(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET is answered\n");
            answer.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        if path == self.healthz {
            return self.health();
        }
        match &self.metrics {
            Some(meter) if path == "/metrics" => {
                let meter = Arc::clone(meter);
                match spawn_blocking(move || meter.page()).await {
                    Ok(text) => page(StatusCode::OK, metrics::CONTENT_TYPE, text),
                    Err(_) => page(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "metrics can't be had\n"),
                }
            }
            _ => page(StatusCode::OK, "application/json", versions::as_json().to_string()),
        }
    }
}

impl Pages {
    /// The health page: whether the program detects events, and if not, why.
    fn health(&self) -> Response<Full<Bytes>> {
        let reasons: Vec<String> = self.health.problems().into_iter().map(|problem| problem.text).collect();
        match reasons.is_empty() {
            true => page(StatusCode::OK, "application/json", r#"{"status": "ok"}"#),
            false => {
                let body = json!({ "status": "failed", "reasons": reasons }).to_string();
                page(StatusCode::SERVICE_UNAVAILABLE, "application/json", body)
            }
        }
    }
}

fn page(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut page = Response::new(Full::new(text.into()));
    *page.status_mut() = status;
    page.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    page
}
