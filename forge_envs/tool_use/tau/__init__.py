"""tau-bench (v1) and tau2-bench, retail and airline: data, backends, upstream's reward. See docs/tau.md."""
