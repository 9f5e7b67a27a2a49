//! Backward and forward passes side by side, in pools of the user's: no lock is held where work can be stolen.
