//! The two plugins.

use std::sync::Arc;

use eyas_sinsp::plugin::{
    EventStream, Extraction, Instance, Native, OpenParam, PluginError, PluginEvent, PluginInfo, Request,
    Sourcing, Tables, Version, Wanted,
};

use crate::document::{Document, Node};
use crate::stream::AuditStream;
use crate::{fields, generic};

/// Id and name of the event source.
const SOURCE: (u32, &str) = (1, "k8s_audit");

/// The plugin for Kubernetes audit events: the source `k8s_audit` and the fields `ka.*` of the public
/// plugin with this name and version. Open it with the path of a file: see [`AuditStream`].
pub fn k8saudit() -> Native {
    let mut info = PluginInfo::new("k8saudit", Version([0, 18, 0]))
        .with_source(SOURCE.0, SOURCE.1)
        .with_fields(fields::described());
    info.description = "Read Kubernetes audit events (built in)".into();
    info.contact = "github.com/eyas-rs/eyas".into();
    Native::new(info, |_| Ok(Box::new(Audit)))
}

/// The plugin for JSON in plugin events: the fields `json.*` and `jevt.*` of the public plugin with this
/// name and version.
pub fn json() -> Native {
    let mut info = PluginInfo::new("json", Version([0, 7, 4])).with_fields(generic::described());
    info.description = "Fields of events that are JSON (built in)".into();
    info.contact = "github.com/eyas-rs/eyas".into();
    Native::new(info, |_| Ok(Box::new(Json)))
}

struct Audit;

impl Instance for Audit {
    fn sourcing(&mut self) -> Option<&mut dyn Sourcing> {
        Some(self)
    }

    fn extraction(&mut self) -> Option<&mut dyn Extraction> {
        Some(self)
    }
}

impl Sourcing for Audit {
    fn open(&mut self, params: &str) -> Result<Box<dyn EventStream>, PluginError> {
        Ok(Box::new(AuditStream::open(params)?))
    }

    fn open_params(&mut self) -> Result<Vec<OpenParam>, PluginError> {
        let description = "A file with an audit event, a list of events, or an EventList on each line".into();
        Ok(vec![OpenParam { value: "/path/to/audit.log".into(), description, separator: String::new() }])
    }

    fn event_text(&mut self, event: &PluginEvent<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(event.data().unwrap_or_default());
    }
}

impl Extraction for Audit {
    fn extract(
        &mut self,
        event: &PluginEvent<'_>,
        request: &mut Request<'_>,
        _: &mut dyn Tables,
    ) -> Result<(), PluginError> {
        extract_all(event, request, fields::extract)
    }
}

/// Extracts each requested field.
fn extract_all(
    event: &PluginEvent<'_>,
    request: &mut Request<'_>,
    mut extract: impl FnMut(Node<'_>, usize, &Wanted, &mut Request<'_>),
) -> Result<(), PluginError> {
    Document::with(event.data().unwrap_or_default(), |root| {
        let root = root.ok_or("the event is no JSON")?;
        let wanted = request.wanted();
        wanted.iter().enumerate().for_each(|(at, wanted)| extract(root, at, wanted, request));
        Ok(())
    })
}

struct Json;

impl Instance for Json {
    fn extraction(&mut self) -> Option<&mut dyn Extraction> {
        Some(self)
    }
}

impl Extraction for Json {
    fn extract(
        &mut self,
        event: &PluginEvent<'_>,
        request: &mut Request<'_>,
        _: &mut dyn Tables,
    ) -> Result<(), PluginError> {
        let ts = event.raw.ts;
        extract_all(event, request, |root, at, wanted, request| {
            generic::extract(root, ts, at, wanted, request);
        })
    }

    /// Only plugin events: system calls have no JSON.
    fn event_types(&self) -> Option<Vec<u16>> {
        const PLUGIN_EVENT: u16 = 322;
        Some(vec![PLUGIN_EVENT])
    }
}

/// A compile-time check that plugin sets accept both plugins.
const _: fn() = || {
    fn plugin<T: eyas_sinsp::plugin::Plugin>(_: fn() -> T) -> Option<Arc<T>> {
        None
    }
    plugin(k8saudit);
    plugin(json);
};
