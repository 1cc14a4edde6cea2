"""What leaves this server beside requests to Customer.io's APIs."""
