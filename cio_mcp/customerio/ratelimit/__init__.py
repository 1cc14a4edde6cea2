"""Rate limits: one budget per limit, shared by every process of a workspace."""
