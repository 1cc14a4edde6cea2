"""A write's life: plan, policy, approval, execution, receipt."""
