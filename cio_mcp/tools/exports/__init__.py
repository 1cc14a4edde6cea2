"""The toolset for exports: files of customers or deliveries."""
