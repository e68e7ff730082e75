"""What autoencoders are used for: functions and small classes, arrays in, numbers out. No part knows another."""
