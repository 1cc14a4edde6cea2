"""The toolset for what messages say."""
