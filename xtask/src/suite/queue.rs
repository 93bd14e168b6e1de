//! Which tests run at the same time.

/// What a binary of tests needs beside a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// It captures live. Such tests take turns (`eyas_testing::live_turn`), so a second one would only wait.
    pub live: bool,
    /// It runs programs that cargo builds, or cargo, so it waits until everything is built.
    pub build: bool,
    /// It takes long, and mostly on one CPU, so it begins before others.
    pub early: bool,
}

/// No more than a CPU.
pub const PLAIN: Needs = Needs { live: false, build: false, early: false };

/// Jobs that wait, and the needs of those that run.
pub struct Queue<J> {
    waiting: Vec<J>,
    running: Vec<Needs>,
    /// Whether cargo still builds.
    pub builds: bool,
    /// How many run at a time when everything is built: one more than there are CPUs, since many wait.
    slots: usize,
}

impl<J> Queue<J> {
    pub fn new(cpus: usize) -> Self {
        Self { waiting: Vec::new(), running: Vec::new(), builds: true, slots: cpus + 1 }
    }

    pub fn add(&mut self, job: J) {
        self.waiting.push(job);
    }

    /// Removes the job that may start now; `None` if none may.
    pub fn take(&mut self, needs: impl Fn(&J) -> Needs) -> Option<J> {
        let place = self
            .waiting
            .iter()
            .enumerate()
            .filter(|(_, job)| self.may_start(needs(job)))
            .min_by_key(|(place, job)| (Self::rank(needs(job)), *place))
            .map(|(place, _)| place)?;
        let job = self.waiting.remove(place);
        self.running.push(needs(&job));
        Some(job)
    }

    /// Live captures begin first, because they take turns.
    fn rank(needs: Needs) -> u8 {
        match needs {
            Needs { live: true, .. } => 0,
            Needs { early: true, .. } => 1,
            _ => 2,
        }
    }

    fn may_start(&self, needs: Needs) -> bool {
        let is_free = !(needs.live && self.running.iter().any(|other| other.live));
        match self.builds {
            // The compiler uses all CPUs already, but a live test mostly waits.
            true => is_free && needs.live && !needs.build,
            false => is_free && self.running.len() < self.slots,
        }
    }

    /// A job with these needs has ended.
    pub fn end(&mut self, needs: Needs) {
        if let Some(place) = self.running.iter().position(|other| *other == needs) {
            self.running.swap_remove(place);
        }
    }

    /// The build failed: no other job starts.
    pub fn close(&mut self) {
        self.builds = false;
        self.waiting.clear();
    }

    /// Whether nothing runs, and nothing more will.
    pub fn is_done(&self) -> bool {
        !self.builds && self.waiting.is_empty() && self.running.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: Needs = Needs { live: true, ..PLAIN };

    /// What starts of these.
    fn started(queue: &mut Queue<(&'static str, Needs)>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.take(|(_, needs)| *needs)).map(|(name, _)| name).collect()
    }

    #[test]
    fn live_tests_run_while_cargo_builds_and_one_at_a_time() {
        let mut queue = Queue::new(2);
        for job in
            [("a", PLAIN), ("live1", LIVE), ("live2", LIVE), ("packages", Needs { build: true, ..LIVE })]
        {
            queue.add(job);
        }
        assert_eq!(started(&mut queue), ["live1"]);
        queue.end(LIVE);
        assert_eq!(started(&mut queue), ["live2"]);
        queue.builds = false;
        assert_eq!(started(&mut queue), ["a"]);
        queue.end(LIVE);
        assert_eq!(started(&mut queue), ["packages"]);
        assert!(!queue.is_done());
    }

    #[test]
    fn one_more_runs_than_there_are_cpus_and_long_ones_begin_early() {
        let mut queue = Queue::new(1);
        queue.builds = false;
        for job in [("a", PLAIN), ("b", PLAIN), ("long", Needs { early: true, ..PLAIN })] {
            queue.add(job);
        }
        assert_eq!(started(&mut queue), ["long", "a"]);
        queue.end(PLAIN);
        assert_eq!(started(&mut queue), ["b"]);
        queue.end(PLAIN);
        queue.end(Needs { early: true, ..PLAIN });
        assert!(queue.is_done());
    }

    #[test]
    fn nothing_starts_when_the_build_has_failed() {
        let mut queue = Queue::new(2);
        queue.add(("live1", LIVE));
        queue.add(("live2", LIVE));
        assert_eq!(started(&mut queue), ["live1"]);
        queue.close();
        assert_eq!(started(&mut queue), [""; 0]);
        assert!(!queue.is_done());
        queue.end(LIVE);
        assert!(queue.is_done());
    }
}
