//! Where programs compute: activations and workspaces, lent to a run and given back, so that all programs of a network
//! have one place between them and not one each.
//!
//! VGG-16 needs some 40 MiB for a picture, and a page has a plan for features, for logits and for every layer looked at.
//! Natively, programs that run at the same time have a room each.

use std::sync::{Arc, Mutex, PoisonError};

use headstart_kernels::conv::Workspace;

/// Buffers for one program at a time; they grow to what the largest program needs.
#[derive(Debug, Default)]
pub struct Room {
    pub slots: Vec<Vec<f32>>,
    pub workspaces: Vec<Workspace>,
}

/// The rooms that nobody is in.
#[derive(Clone, Debug, Default)]
pub struct Rooms(Arc<Mutex<Vec<Room>>>);

impl Room {
    /// Makes sure of slots of these lengths at least, and of so many workspaces. What was in them does not matter.
    pub fn furnish(&mut self, lengths: &[usize], workspaces: usize) {
        if self.slots.len() < lengths.len() {
            self.slots.resize_with(lengths.len(), Vec::new);
        }
        for (slot, &length) in self.slots.iter_mut().zip(lengths) {
            if slot.len() < length {
                // Given back first, so that the old and the new one never lie side by side.
                *slot = Vec::new();
                *slot = vec![0.0; length];
            }
        }
        if self.workspaces.len() < workspaces {
            self.workspaces.resize_with(workspaces, Workspace::default);
        }
    }
}

impl Rooms {
    /// A room that nobody else is in, until it is given back.
    pub fn enter(&self) -> Room {
        self.free().pop().unwrap_or_default()
    }

    pub fn leave(&self, room: Room) {
        self.free().push(room);
    }

    /// Lets go of the rooms that nobody is in.
    pub fn clear(&self) {
        self.free().clear();
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Room>> {
        // Whoever panicked took a room along and left the others complete.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_one_after_another_share_a_room_that_fits_the_larger() {
        let rooms = Rooms::default();
        for lengths in [[10, 4], [3, 8], [1, 1]] {
            let mut room = rooms.enter();
            room.furnish(&lengths, 2);
            assert!(room.slots.iter().zip(lengths).all(|(slot, length)| slot.len() >= length));
            rooms.leave(room);
        }
        let room = rooms.enter();
        assert_eq!(room.slots.iter().map(Vec::len).collect::<Vec<_>>(), [10, 8]);
        assert!(rooms.enter().slots.is_empty(), "two at once have a room each");
    }
}
