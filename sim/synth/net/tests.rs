//! Laws of what the network shows.
