//! The threads of the ranks that share a machine.

use std::env;
use std::thread::available_parallelism;

/// The variables in which launchers say how many processes they have started on this machine.
const LOCAL_COUNTS: [&str; 4] = [
    "OMPI_COMM_WORLD_LOCAL_SIZE",
    "MPI_LOCALNRANKS",
    "PALS_LOCAL_SIZE",
    "SLURM_NTASKS_PER_NODE",
];

/// Gives this process its part of the machine's threads.
pub(crate) fn share() {
    let threads = threads(|name| env::var(name).ok(), cores(), allowed());
    // If the user or an earlier call has set them, they stay.
    if env::var_os("RAYON_NUM_THREADS").is_none() {
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global();
    }
}

/// Returns the number of threads for this process: its part of the cores, and at most those to
/// which a launcher has bound it.
fn threads(var: impl Fn(&str) -> Option<String>, cores: usize, allowed: usize) -> usize {
    let mut counts = LOCAL_COUNTS
        .iter()
        .filter_map(|name| var(name)?.parse().ok());
    let ranks = counts.next().unwrap_or(1).max(1);
    allowed.min(cores / ranks).max(1)
}

/// Returns the number of threads that this process may run at once.
fn allowed() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Returns the number of threads that this machine may run at once.
fn cores() -> usize {
    let online = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let count = online
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    if count == 0 { allowed() } else { count }
}

#[cfg(test)]
mod tests {
    use super::threads;

    #[test]
    fn ranks_of_a_machine_share_its_cores() {
        let four = |name: &str| (name == "MPI_LOCALNRANKS").then(|| "4".to_owned());
        assert_eq!(threads(four, 16, 16), 4);
        assert_eq!(threads(four, 2, 2), 1);
        assert_eq!(threads(four, 16, 3), 3);
        assert_eq!(threads(|_| None, 16, 16), 16);
        assert_eq!(threads(|_| Some("no number".to_owned()), 8, 8), 8);
    }
}
