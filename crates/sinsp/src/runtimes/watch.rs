//! Follows the events of runtimes, to request a container when it is created, before its first process
//! runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::containerd;
use super::containerd::messages as c;
use super::cri::messages as m;
use super::options::Api;
use super::shared::Shared;
use super::sources::{Answer, Source, is_of_users};
use super::wire::{Error, Lines, Messages};
use super::{SHORT_ID, id};

/// Interval of the search for sockets.
const LOOK: Duration = Duration::from_millis(250);
/// Time until an ended stream is opened again; it doubles up to a maximum.
const PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Time until the next try, if a runtime has no such stream.
const UNSUPPORTED: Duration = Duration::from_secs(300);
/// Maximum number of concurrent requests that one runtime's events caused. Further events are skipped; the
/// container's first process makes the request.
const MAX_QUESTIONS: usize = 256;
/// Number of requests for a container that its runtime has reported.
const TRIES: u32 = 4;

/// Path of Docker's and Podman's events about containers.
const EVENTS: &str = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D";

/// Follows the events of each runtime of the machine, including those that start later. It does not follow
/// users' runtimes, because a user could report any container there.
pub(super) async fn follow_all(shared: Arc<Shared>) {
    let followed = Arc::new(Mutex::new(FxHashSet::<(Api, PathBuf)>::default()));
    loop {
        let mut is_new = false;
        for endpoint in shared.options.endpoints.iter().filter(|endpoint| !is_of_users(endpoint)) {
            for source in shared.sources.of(endpoint) {
                let key = (source.api, source.socket.clone());
                if !followed.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
                    continue;
                }
                is_new = true;
                let (shared, followed) = (shared.clone(), followed.clone());
                tokio::spawn(async move {
                    follow(&shared, &source).await;
                    followed.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
                });
            }
        }
        if is_new {
            shared.wake_all();
        }
        sleep(LOOK).await;
    }
}

/// Follows one runtime until its socket disappears.
async fn follow(shared: &Arc<Shared>, source: &Arc<Source>) {
    let asked = Arc::<Asked>::default();
    let mut pause = PAUSE;
    let mut since = None;
    while source.socket.exists() {
        let told = Told { shared, source, asked: &asked };
        let mut has_begun = false;
        let ended = match source.api {
            Api::Docker | Api::Podman => docker(&told, since, &mut has_begun).await,
            Api::Cri => cri(&told, &mut has_begun).await,
            Api::Containerd => of_containerd(&told, &mut has_begun).await,
        };
        if has_begun {
            pause = PAUSE;
            since = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|now| now.as_secs());
        }
        match ended {
            Err(error) if error.is_unsupported() => {
                // Another version may take its place.
                let until = Instant::now() + UNSUPPORTED;
                while source.socket.exists() && Instant::now() < until {
                    sleep(LOOK).await;
                }
            }
            Err(error) => {
                source.note(Some(&error), &shared.tally);
                sleep(pause).await;
            }
            Ok(()) => sleep(pause).await,
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// An event of Docker, or of Podman in Docker's form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    id: String,
    #[serde(rename = "Action")]
    action: String,
    status: String,
    #[serde(rename = "Actor")]
    actor: Actor,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
}

/// Follows Docker's events. After a broken stream, it also requests the events since a time, in seconds.
async fn docker(told: &Told<'_>, since: Option<u64>, has_begun: &mut bool) -> Result<(), Error> {
    let Told { shared, source, .. } = told;
    let path = since.map_or_else(|| EVENTS.to_owned(), |since| format!("{EVENTS}&since={since}"));
    let mut lines = Lines::open(&source.socket, &path, shared.options.deadline).await?;
    source.note(None, &shared.tally);
    *has_begun = true;
    while let Some(line) = lines.next().await? {
        // Other lines are skipped.
        let Ok(event) = serde_json::from_slice::<Event>(&line) else { continue };
        let action = if event.action.is_empty() { &event.status } else { &event.action };
        let id = if event.actor.id.is_empty() { &event.id } else { &event.actor.id };
        // A start adds addresses, and the container may have been renamed.
        if matches!(action.as_str(), "create" | "start" | "restart" | "rename" | "update") {
            told.about(id);
        }
    }
    Ok(())
}

/// Event types: containers and pods were created, or started.
const CREATED: i32 = 0;
const STARTED: i32 = 1;

async fn cri(told: &Told<'_>, has_begun: &mut bool) -> Result<(), Error> {
    let Told { shared, source, .. } = told;
    let method = "runtime.v1.RuntimeService/GetContainerEvents";
    let question = m::GetEventsRequest {};
    let mut messages = Messages::open(&source.socket, method, &question, shared.options.deadline).await?;
    source.note(None, &shared.tally);
    *has_begun = true;
    while let Some(event) = messages.next::<m::ContainerEventResponse>().await? {
        if matches!(event.container_event_type, CREATED | STARTED) {
            told.about(&event.container_id);
        }
    }
    Ok(())
}

async fn of_containerd(told: &Told<'_>, has_begun: &mut bool) -> Result<(), Error> {
    let Told { shared, source, .. } = told;
    let deadline = shared.options.deadline;
    // Requests running containers, whose namespaces are unknown, so that their cgroups are recognised.
    let ids = containerd::list(&source.socket, deadline).await?;
    ids.iter().for_each(|id| told.about(id));
    let method = "containerd.services.events.v1.Events/Subscribe";
    let question = c::SubscribeRequest { filters: vec!["topic==\"/containers/create\"".to_owned()] };
    let mut messages = Messages::open(&source.socket, method, &question, deadline).await?;
    *has_begun = true;
    while let Some(envelope) = messages.next::<c::Envelope>().await? {
        let created = envelope.event.and_then(|event| c::ContainerCreate::decode(&*event.value).ok());
        if let Some(created) = created
            && envelope.topic == "/containers/create"
            && envelope.namespace != containerd::DOCKER
        {
            told.about(&created.id);
            if envelope.namespace == containerd::KUBERNETES {
                // The CRI will return more.
                shared.ask(created.id.get(..SHORT_ID).unwrap_or(&created.id));
            }
        }
    }
    Ok(())
}

/// Containers that are requested because of events, and whether the runtime reported another event since.
type Asked = Mutex<FxHashMap<String, bool>>;

/// Turns a runtime's reports into requests.
struct Told<'a> {
    shared: &'a Arc<Shared>,
    source: &'a Arc<Source>,
    asked: &'a Arc<Asked>,
}

impl Told<'_> {
    /// Requests the container after an event, one request at a time, so that the last response belongs to
    /// the last event.
    fn about(&self, full_id: &str) {
        let Some(id) = id::checked(full_id.as_bytes()) else { return };
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(again) = asked.get_mut(id) {
            *again = true;
        } else if asked.len() < MAX_QUESTIONS {
            asked.insert(id.to_owned(), false);
            let (shared, source, asked) = (self.shared.clone(), self.source.clone(), self.asked.clone());
            let id = id.to_owned();
            tokio::spawn(async move {
                loop {
                    ask(&shared, &source, &id).await;
                    let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
                    match asked.get_mut(&id) {
                        Some(again) if *again => *again = false,
                        _ => {
                            asked.remove(&id);
                            return;
                        }
                    }
                }
            });
        }
    }
}

/// Requests a reported container from its runtime.
async fn ask(shared: &Shared, source: &Source, id: &str) {
    let mut pause = shared.options.retry;
    for _ in 0..TRIES {
        shared.tally.lookup();
        if let Answer::Known(found) = source.inspect(id, &shared.options, &shared.tally).await
            && shared.publish(*found)
        {
            return;
        }
        sleep(pause).await;
        pause *= 2;
    }
}
